from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from reference_workers.context import Context
from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.seed import seed
from reference_workers.platform.state import leases
from reference_workers.workers.post_zulip import post_zulip
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness, meeting_rows
from trackproof.testbed.stand_ins import Fault

PAYLOAD = {"transcript_id": TRANSCRIPT_ID}


def finished(harness: WorkerHarness, *, title: str = "Budget", **room: Any) -> WorkerHarness:
    """Seed a finished meeting in a room."""
    texts = {"title": title, "short_summary": "Short.", "long_summary": "Long."}
    seed(harness.clients.state, meeting_rows(room=room, transcript=texts))
    return harness


def test_a_room_with_an_empty_stream_gets_no_message(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness, zulip_stream="")

    assert harness.completed("post_zulip", PAYLOAD) == {"message_id": None}
    assert harness.calls("zulip") == 0


def test_the_default_topic_is_the_rooms_name(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness, zulip_topic=None)

    harness.completed("post_zulip", PAYLOAD)

    assert harness.stand_ins.zulip.messages()[0].topic == "Standup"


@pytest.mark.parametrize(("method", "status"), [("POST", 401), ("PATCH", 401), ("PATCH", 404)])
def test_a_refusal_is_a_permanent_failure(
    empty_harness: WorkerHarness, method: str, status: int
) -> None:
    harness = finished(empty_harness)
    if method == "PATCH":
        harness.completed("post_zulip", PAYLOAD)
    harness.stand_ins.faults.add(Fault(service="zulip", method=method, status=status))

    with pytest.raises(PermanentError, match=str(status)):
        post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)


def test_a_response_without_an_id_is_retried(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    harness.stand_ins.faults.add(Fault(service="zulip", body='{"result": "success"}'))

    with pytest.raises(TransientError):
        post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().zulip_message_id is None


@pytest.mark.parametrize(
    "message", ["Ungültige Nachricht(en)", "The time limit for editing this message has passed"]
)
@pytest.mark.parametrize("is_gone", [True, False])
def test_only_a_message_that_is_gone_is_posted_anew(
    empty_harness: WorkerHarness, message: str, is_gone: bool
) -> None:
    # Zulip translates its messages; their code is the same (zulip/zulip#10871).
    harness = finished(empty_harness)
    first = harness.completed("post_zulip", PAYLOAD)["message_id"]
    if is_gone:
        harness.stand_ins.zulip.delete(int(first))
    body = json.dumps({"result": "error", "code": "BAD_REQUEST", "msg": message})
    harness.stand_ins.faults.add(Fault(service="zulip", method="PATCH", status=400, body=body))

    second = harness.completed("post_zulip", PAYLOAD)["message_id"]

    assert (second != first) is is_gone
    assert harness.transcript().zulip_message_id == second


def test_an_update_leaves_the_topic_as_people_renamed_it(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    harness.completed("post_zulip", PAYLOAD)

    harness.completed("post_zulip", PAYLOAD)

    update = harness.stand_ins.ledger.requests("zulip")[-1]
    assert update.method == "PATCH"
    assert "topic" not in update.form


def test_a_long_message_keeps_its_link_and_a_long_topic_its_beginning(
    empty_harness: WorkerHarness,
) -> None:
    harness = finished(empty_harness, title="T" * 12_700, zulip_topic="x" * 61)

    harness.completed("post_zulip", PAYLOAD)

    (posted,) = harness.stand_ins.zulip.messages()
    assert len(posted.content) == 10_000
    link = f"[Transcript](https://notes.test/transcripts/{TRANSCRIPT_ID})"
    assert posted.content.endswith(f"…\n\n{link}")
    assert posted.topic == "x" * 59 + "…"


def test_a_message_whose_answer_was_lost_is_found_instead_of_posted_twice(
    empty_harness: WorkerHarness,
) -> None:
    harness = finished(empty_harness)
    lost = Fault(service="zulip", method="POST", drop=True, carried_out=True, times=1)
    harness.stand_ins.faults.add(lost)

    first = harness.execute("post_zulip", PAYLOAD)
    second = harness.execute("post_zulip", PAYLOAD, attempt=1)

    assert (first.status, second.status) == ("FAILED", "COMPLETED")
    (posted,) = harness.stand_ins.zulip.messages()
    assert second.output == {"message_id": str(posted.id)}
    assert harness.transcript().zulip_message_id == str(posted.id)


def test_a_worker_killed_after_its_message_left_posts_no_second_one(
    empty_harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = finished(empty_harness)
    clock = time.time()
    with monkeypatch.context() as killed:  # nothing of the attempt runs after the request
        killed.setattr(leases, "expire", lambda *_: None)
        killed.setattr(Context, "unit_of_work", _killed)
        with pytest.raises(SystemExit):
            post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)
    assert harness.transcript().zulip_message_id is None

    seconds = 3 * harness.clients.settings.outside_timeout_seconds
    monkeypatch.setattr(leases, "now", lambda: clock + seconds)
    output = post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)  # a rerun: attempt 0

    (posted,) = harness.stand_ins.zulip.messages()
    assert output == {"message_id": str(posted.id)}


def _killed(*_: object) -> None:
    raise SystemExit


def test_deliveries_side_by_side_post_one_message(empty_harness: WorkerHarness) -> None:
    harness = finished(empty_harness)
    harness.stand_ins.faults.add(Fault(service="zulip", method="POST", delay=0.05))

    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda _: harness.completed("post_zulip", PAYLOAD), range(2)))

    (posted,) = harness.stand_ins.zulip.messages()
    assert outputs == [{"message_id": str(posted.id)}] * 2


def test_a_first_attempt_searches_nothing_and_another_meetings_message_is_not_taken(
    empty_harness: WorkerHarness,
) -> None:
    harness = finished(empty_harness)
    link = f"[Transcript](https://notes.test/transcripts/{TRANSCRIPT_ID}0)"
    harness.clients.zulip.post("meetings", "Daily standup", link)

    harness.completed("post_zulip", PAYLOAD)
    assert [one.method for one in harness.stand_ins.ledger.requests("zulip")] == ["POST", "POST"]

    with harness.context.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.zulip_message_id = None
    harness.execute("post_zulip", PAYLOAD, attempt=1)
    assert len(harness.stand_ins.zulip.messages()) == 2


@pytest.mark.parametrize(("body", "status"), [('{"result": "success"}', 200), ("", 503)])
def test_nothing_is_posted_while_zulip_cannot_be_searched(
    empty_harness: WorkerHarness, body: str, status: int
) -> None:
    harness = finished(empty_harness)
    harness.stand_ins.faults.add(Fault(service="zulip", method="GET", body=body, status=status))

    assert harness.execute("post_zulip", PAYLOAD, attempt=1).status == "FAILED"
    assert harness.stand_ins.zulip.messages() == []

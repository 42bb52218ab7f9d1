from __future__ import annotations

from typing import Any

import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.seed import seed
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


@pytest.mark.parametrize(("method", "status"), [("POST", 401), ("PATCH", 400), ("PATCH", 404)])
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

from __future__ import annotations

from typing import Any

import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.seed import seed
from reference_workers.services.zulip import Zulip
from reference_workers.workers.post_zulip import post_zulip
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness, meeting_rows
from trackproof.testbed.stand_ins import Fault

PAYLOAD = {"transcript_id": TRANSCRIPT_ID}


def finished(harness: WorkerHarness, *, title: str = "Budget", **room: Any) -> WorkerHarness:
    """Seed a finished meeting in a room."""
    texts = {"title": title, "short_summary": "Short.", "long_summary": "Long."}
    seed(harness.clients.state, meeting_rows(room=room, transcript=texts))
    return harness


def test_the_summary_is_posted_to_the_rooms_topic(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench, title="Überblick & <b>")

    output = harness.completed("post_zulip", PAYLOAD)

    (message,) = harness.stand_ins.zulip.messages()
    assert (message.stream, message.topic) == ("meetings", "Daily standup")
    assert message.content == (
        "### Überblick & <b>\n\nShort.\n\nLong.\n\n"
        "[Transcript](https://notes.test/transcripts/transcript-1)"
    )
    assert output == {"message_id": str(message.id)}
    assert harness.transcript().zulip_message_id == str(message.id)


def test_the_next_time_updates_the_same_message(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)
    once = harness.completed("post_zulip", PAYLOAD)
    with harness.clients.state.edit(TRANSCRIPT_ID) as edit:
        edit.transcript.title = "Launch"

    again = harness.completed("post_zulip", PAYLOAD)

    (message,) = harness.stand_ins.zulip.messages()
    assert again == once
    assert message.content.startswith("### Launch")
    assert len(message.earlier) == 1


def test_a_message_somebody_deleted_is_posted_anew(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)
    once = harness.completed("post_zulip", PAYLOAD)
    harness.stand_ins.zulip.delete(int(once["message_id"]))

    again = harness.completed("post_zulip", PAYLOAD)

    (message,) = harness.stand_ins.zulip.messages()
    assert again == {"message_id": str(message.id)} != once
    assert harness.transcript().zulip_message_id == str(message.id)


@pytest.mark.parametrize("stream", [None, ""])
def test_a_room_without_a_stream_is_told_nothing(
    empty_bench: WorkerHarness, stream: str | None
) -> None:
    harness = finished(empty_bench, zulip_stream=stream)

    assert harness.completed("post_zulip", PAYLOAD) == {"message_id": None}
    assert harness.calls("zulip") == 0


def test_a_room_without_a_topic_lends_its_name(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench, zulip_topic=None)

    harness.completed("post_zulip", PAYLOAD)

    assert harness.stand_ins.zulip.messages()[0].topic == "Standup"


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_final(empty_bench: WorkerHarness, method: str, status: int) -> None:
    harness = finished(empty_bench)
    if method == "PATCH":
        harness.completed("post_zulip", PAYLOAD)
    harness.stand_ins.faults.add(Fault(service="zulip", method=method, status=status))

    with pytest.raises(PermanentError, match=str(status)):
        post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault(service="zulip", status=status) for status in (429, 500, 503)),
        Fault(service="zulip", drop=True),
        Fault(service="zulip", body="<html>"),
        Fault(service="zulip", body='{"result": "success"}'),
    ],
    ids=["429", "500", "503", "drop", "no JSON", "no id"],
)
def test_what_may_pass_is_tried_again(empty_bench: WorkerHarness, fault: Fault) -> None:
    harness = finished(empty_bench)
    harness.stand_ins.faults.add(fault)

    with pytest.raises(TransientError):
        post_zulip(harness.context, transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().zulip_message_id is None


def test_a_wrong_key_is_final(empty_bench: WorkerHarness) -> None:
    harness = finished(empty_bench)
    zulip = Zulip(
        harness.clients.settings.model_copy(update={"zulip_bot_email": "else@zulip.test"})
    )

    with pytest.raises(PermanentError, match="401"):
        zulip.post("meetings", "topic", "content")
    zulip.close()

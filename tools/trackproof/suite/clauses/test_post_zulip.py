"""Clauses of contracts/tasks/post_zulip.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC, Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "post_zulip"

FINISHED: dict[str, Any] = {
    "title": "כותרת 🦉",
    "short_summary": "A recap of it.",
    "long_summary": "All of it, at length.",
}


def posted(harness: Harness, meeting: Scenario, **options: Any) -> TaskRun:
    return harness.run_task(TASK, transcript_id=meeting.transcript_id, **options)


def calls(run: TaskRun) -> list[tuple[str, int | None]]:
    return [(request.method, request.status) for request in run.asked("zulip")]


@pytest.mark.clause("post_zulip.posts")
def test_the_rooms_topic_gets_one_message_with_title_and_summaries(harness: Harness) -> None:
    run = posted(harness, harness.meeting(**FINISHED))

    expect(calls(run), "calls to Zulip").equals([("POST", 200)])
    form = run.asked("zulip")[0].form
    expect((form.get("to"), form.get("topic")), "place").equals((ZULIP_STREAM, ZULIP_TOPIC))
    missing = [text for text in FINISHED.values() if text not in form.get("content", "")]
    expect(missing, "what the message lacks").equals([])
    message = harness.testbed.stand_ins.zulip.message(int(run.output.get("message_id") or 0))
    expect(message is not None, "message_id names the message").equals(True)


@pytest.mark.clause("post_zulip.posts")
def test_a_room_without_a_stream_posts_nothing(harness: Harness) -> None:
    run = posted(harness, harness.meeting(zulip_stream=None, **FINISHED))

    expect(run.output, "output").equals({"message_id": None})
    expect(run.asked("zulip"), "calls to Zulip").equals([])


@pytest.mark.clause("post_zulip.updates")
def test_a_message_that_stands_is_updated(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = posted(harness, meeting)

    again = posted(harness, meeting)

    expect(calls(again), "calls to Zulip").equals([("PATCH", 200)])
    expect(again.output, "output of the second run").equals(first.output)


@pytest.mark.clause("post_zulip.updates")
def test_a_message_that_is_gone_is_posted_anew(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = posted(harness, meeting)
    harness.testbed.stand_ins.zulip.delete(int(first.output["message_id"]))

    again = posted(harness, meeting)

    expect(calls(again), "calls to Zulip").equals([("PATCH", 400), ("POST", 200)])
    message = harness.testbed.stand_ins.zulip.message(int(again.output.get("message_id") or 0))
    expect(message is not None, "message_id names the new message").equals(True)


@pytest.mark.clause("post_zulip.errors")
@pytest.mark.parametrize("status", [401, 503])
def test_a_zulip_that_fails_leaves_the_result_alone(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    before = harness.task_runner.transcript(meeting.transcript_id)
    harness.break_service("zulip", status=status)

    run = posted(harness, meeting, retries=1)

    expect(run.status, "status").holds(run.status != "COMPLETED", "a failure that can be seen")
    expect(run.transcript.get("status"), "the transcript's status").equals(before["status"])
    expect(run.emitted("STATUS"), "STATUS events").equals([])

"""Clauses of contracts/tasks/post_zulip.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC, Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Bench

TASK = "post_zulip"

FINISHED: dict[str, Any] = {
    "title": "כותרת 🦉",
    "short_summary": "A recap of it.",
    "long_summary": "All of it, at length.",
}


def posted(bench: Bench, meeting: Scenario, **options: Any) -> TaskRun:
    return bench.drive(TASK, transcript_id=meeting.transcript_id, **options)


def calls(run: TaskRun) -> list[tuple[str, int | None]]:
    return [(request.method, request.status) for request in run.asked("zulip")]


@pytest.mark.clause("post_zulip.posts")
def test_the_rooms_topic_gets_one_message_with_title_and_summaries(bench: Bench) -> None:
    run = posted(bench, bench.meeting(**FINISHED))

    expect(calls(run), "calls to Zulip").equals([("POST", 200)])
    form = run.asked("zulip")[0].form
    expect((form.get("to"), form.get("topic")), "place").equals((ZULIP_STREAM, ZULIP_TOPIC))
    missing = [text for text in FINISHED.values() if text not in form.get("content", "")]
    expect(missing, "what the message lacks").equals([])
    message = bench.testbed.stand_ins.zulip.message(int(run.output.get("message_id") or 0))
    expect(message is not None, "message_id names the message").equals(True)


@pytest.mark.clause("post_zulip.posts")
def test_a_room_without_a_stream_posts_nothing(bench: Bench) -> None:
    run = posted(bench, bench.meeting(zulip_stream=None, **FINISHED))

    expect(run.output, "output").equals({"message_id": None})
    expect(run.asked("zulip"), "calls to Zulip").equals([])


@pytest.mark.clause("post_zulip.updates")
def test_a_message_that_stands_is_updated(bench: Bench) -> None:
    meeting = bench.meeting(**FINISHED)
    first = posted(bench, meeting)

    again = posted(bench, meeting)

    expect(calls(again), "calls to Zulip").equals([("PATCH", 200)])
    expect(again.output, "output of the second run").equals(first.output)


@pytest.mark.clause("post_zulip.updates")
def test_a_message_that_is_gone_is_posted_anew(bench: Bench) -> None:
    meeting = bench.meeting(**FINISHED)
    first = posted(bench, meeting)
    bench.testbed.stand_ins.zulip.forget(int(first.output["message_id"]))

    again = posted(bench, meeting)

    expect(calls(again), "calls to Zulip").equals([("PATCH", 400), ("POST", 200)])
    message = bench.testbed.stand_ins.zulip.message(int(again.output.get("message_id") or 0))
    expect(message is not None, "message_id names the new message").equals(True)


@pytest.mark.clause("post_zulip.errors")
@pytest.mark.parametrize("status", [401, 503])
def test_a_zulip_that_fails_leaves_the_result_alone(status: int, bench: Bench) -> None:
    meeting = bench.meeting(**FINISHED)
    before = bench.driver.transcript(meeting.transcript_id)
    bench.break_service("zulip", status=status)

    run = posted(bench, meeting, retries=1)

    expect(run.status, "status").holds(run.status != "COMPLETED", "a failure that can be seen")
    expect(run.transcript.get("status"), "the transcript's status").equals(before["status"])
    expect(run.emitted("STATUS"), "STATUS events").equals([])

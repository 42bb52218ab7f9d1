"""Clauses of contracts/tasks/post_zulip.yaml."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from trackproof.runs.scenario import ZULIP_STREAM, ZULIP_TOPIC, Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.runs.word_order import WordText
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.testbed.stand_ins.services.zulip import ZulipMessage

TASK = "post_zulip"

FINISHED: dict[str, Any] = {
    "title": "כותרת 🦉 Q&A: tides 5<6",
    "short_summary": "A recap of it: “água”.",
    "long_summary": "All of it, at length. " * 200 + "The end.",
}


def post(harness: Harness, meeting: Scenario, **options: Any) -> TaskRun:
    return harness.run_task(TASK, transcript_id=meeting.transcript_id, **options)


def calls_of(run: TaskRun) -> list[tuple[str, int | None]]:
    """Return method and answered HTTP status of each call that changes something in Zulip."""
    requests = run.requests_to("zulip")
    return [(request.method, request.status) for request in requests if request.method != "GET"]


def first_post(run: TaskRun) -> Request:
    """Return the first request that posted; others may have searched for an earlier message."""
    return next(request for request in run.requests_to("zulip") if request.method == "POST")


def expect_message(harness: Harness, run: TaskRun) -> ZulipMessage:
    message_id = run.output.get("message_id")
    message = harness.testbed.stand_ins.zulip.message(int(message_id or 0))
    expect(message_id, "message_id").holds(message is not None, "the id of a message in Zulip")
    return cast("ZulipMessage", message)


@pytest.mark.clause("post_zulip.posts")
def test_one_message_with_title_and_summaries_is_posted(harness: Harness) -> None:
    run = post(harness, harness.meeting(**FINISHED))

    expect(calls_of(run), "calls to Zulip").equals([("POST", 200)])
    form = first_post(run).form
    expect((form.get("to"), form.get("topic")), "stream and topic").equals(
        (ZULIP_STREAM, ZULIP_TOPIC)
    )
    content = WordText(form.get("content", ""))
    missing = [text for text in FINISHED.values() if not content.has(text)]
    expect(missing, "texts missing from the message").equals([])
    expect_message(harness, run)


@pytest.mark.clause("post_zulip.posts")
def test_room_without_a_stream_gets_no_message(harness: Harness) -> None:
    run = post(harness, harness.meeting(zulip_stream=None, **FINISHED))

    expect(run.output, "output").has({"message_id": None})
    expect(run.requests_to("zulip"), "calls to Zulip").equals([])


@pytest.mark.clause("post_zulip.updates")
def test_second_run_updates_the_message(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = post(harness, meeting)
    expect_message(harness, first)

    second = post(harness, meeting)

    expect(calls_of(second), "calls to Zulip in the second run").equals([("PATCH", 200)])
    expect(second.output, "output of the second run").equals(first.output)


@pytest.mark.clause("post_zulip.updates")
def test_deleted_message_is_posted_again(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = post(harness, meeting)
    expect_message(harness, first)
    harness.testbed.stand_ins.zulip.delete(int(first.output["message_id"]))

    second = post(harness, meeting)

    expect(calls_of(second), "calls to Zulip in the second run").equals(
        [("PATCH", 400), ("POST", 200)]
    )
    expect_message(harness, second)
    stored = str(second.transcript.get("zulip_message_id"))
    expect(stored, "zulip_message_id in the transcript row").equals(second.output["message_id"])


@pytest.mark.clause("post_zulip.stored")
def test_id_of_the_message_is_stored(harness: Harness) -> None:
    run = post(harness, harness.meeting(**FINISHED))

    expect_message(harness, run)
    stored = run.transcript.get("zulip_message_id")
    expect(str(stored), "zulip_message_id in the transcript row").equals(run.output["message_id"])


@pytest.mark.clause("post_zulip.errors")
@pytest.mark.parametrize("status", [401, 503])
def test_failing_zulip_does_not_change_the_transcript(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    before = harness.task_runner.transcript(meeting.transcript_id)
    harness.break_service("zulip", status=status)

    run = post(harness, meeting, retries=1)

    expect(run.status, "last attempt status").holds(run.status != "COMPLETED", "a failure")
    codes = {request.status for request in run.requests_to("zulip")}
    expect(codes, "answers of Zulip").equals({status})
    expect(run.transcript.get("status"), "status of the transcript").equals(before["status"])
    expect(run.emitted("STATUS"), "STATUS events").equals([])


@pytest.mark.clause("post_zulip.limits")
def test_a_long_message_keeps_its_link_and_a_long_topic_its_room(harness: Harness) -> None:
    long = "All of it, at length. " * 600
    meeting = harness.meeting(**{**FINISHED, "long_summary": long})

    run = post(harness, meeting)

    message = expect_message(harness, run)
    expect(message.content[-300:], "end of the message as Zulip stores it").contains(
        meeting.transcript_id
    )
    expect(message.content, "message").contains(FINISHED["title"])


@pytest.mark.clause("post_zulip.limits")
def test_a_message_within_the_limit_is_posted_whole(harness: Harness) -> None:
    long = "会議は長く続きました。" * 490  # 5,390 characters, 16,170 bytes
    meeting = harness.meeting(**{**FINISHED, "long_summary": long})

    run = post(harness, meeting)

    message = expect_message(harness, run)
    expect(long in message.content, "the message has the whole summary").equals(True)


@pytest.mark.clause("post_zulip.transient-errors")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_message_that_cannot_be_read_is_not_taken_for_gone(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = post(harness, meeting)
    refusal = json.dumps({"result": "error", "msg": "Zeitlimit", "code": "BAD_REQUEST"})
    harness.break_service("zulip", method="PATCH", status=400, body=refusal)
    harness.break_service("zulip", method="GET", status=status)

    second = post(harness, meeting, retries=0)

    posted = [method for method, _ in calls_of(second)].count("POST")
    expect(posted, "messages posted while Zulip cannot be read").equals(0)
    expect(second.transcript.get("zulip_message_id"), "zulip_message_id").equals(
        first.transcript.get("zulip_message_id")
    )


@pytest.mark.clause("post_zulip.permanent-errors")
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refused_update_posts_nothing(status: int, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    post(harness, meeting)
    harness.break_service("zulip", method="PATCH", status=status)

    second = post(harness, meeting)

    expect(second.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(calls_of(second), "calls to Zulip").equals([("PATCH", status)])


@pytest.mark.clause("post_zulip.transient-errors")
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_message_is_sent_once_in_an_attempt(method: str, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    if method == "PATCH":
        post(harness, meeting)
    harness.break_service("zulip", method=method, status=503, times=1)

    run = post(harness, meeting, retries=1)

    expect(run.statuses, "attempt statuses").equals(["FAILED", "COMPLETED"])
    expect(calls_of(run), "calls to Zulip").equals([(method, 503), (method, 200)])


@pytest.mark.clause("post_zulip.topic")
def test_two_rooms_of_one_stream_keep_their_topics(harness: Harness) -> None:
    for topic in ("first room", "second room & more"):
        run = post(harness, harness.meeting(zulip_topic=topic, **FINISHED))
        expect(first_post(run).form.get("topic"), "topic").equals(topic)


@pytest.mark.clause("post_zulip.refused-edit")
@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "not editable"])
def test_only_a_message_that_is_gone_is_posted_anew(is_gone: bool, harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    first = post(harness, meeting)
    if is_gone:
        harness.testbed.stand_ins.zulip.delete(int(first.output["message_id"]))
    # Zulip answers in the bot's language, with one code for both reasons.
    text = "Ungültige Nachricht(en)" if is_gone else "Das Zeitlimit zum Bearbeiten ist abgelaufen"
    answer = json.dumps({"result": "error", "msg": text, "code": "BAD_REQUEST"})
    harness.break_service("zulip", method="PATCH", status=400, body=answer)

    second = post(harness, meeting)

    expect(second.status, "status").equals("COMPLETED")
    posted = [method for method, _ in calls_of(second)].count("POST")
    expect(posted, "messages posted in the second run").equals(int(is_gone))
    is_same = second.output.get("message_id") == first.output.get("message_id")
    expect(second.output, "output of the second run").holds(
        is_same is not is_gone, "the id of the message that exists"
    )


@pytest.mark.clause("post_zulip.updates")
def test_an_update_leaves_a_resolved_topic_resolved(harness: Harness) -> None:
    meeting = harness.meeting(**FINISHED)
    message_id = int(post(harness, meeting).output["message_id"])
    harness.testbed.stand_ins.zulip.rename_topic(message_id, f"✔ {ZULIP_TOPIC}")

    post(harness, meeting)

    message = harness.testbed.stand_ins.zulip.message(message_id)
    expect(message and message.topic, "topic after the update").equals(f"✔ {ZULIP_TOPIC}")


@pytest.mark.clause("post_zulip.topic")
def test_a_room_without_a_topic_uses_its_name(harness: Harness) -> None:
    meeting = harness.meeting(zulip_topic=None, **FINISHED)

    run = post(harness, meeting)

    expect(calls_of(run), "calls to Zulip").equals([("POST", 200)])
    form = first_post(run).form
    expect((form.get("to"), form.get("topic")), "stream and topic").equals(
        (ZULIP_STREAM, meeting.room_name)
    )

"""Clauses of contracts/tasks/finalize.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.equality import same_value
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "finalize"

RESULT: dict[str, Any] = {
    "title": " כותרת 🦉 & <b>“água”</b> " + "and more " * 40 + "\t",
    "summary": "\n# Long\r\n\r\nAll of it.\u2028 ”\n ",
    "short_summary": "Short: 5 < 6 && 'so on'. " + "At length. " * 300,
    "duration": 61.537,
}
STORED = {
    "title": RESULT["title"],
    "long_summary": RESULT["summary"],
    "short_summary": RESULT["short_summary"],
    "duration": RESULT["duration"],
}


def finalize(harness: Harness, meeting: Scenario) -> TaskRun:
    return harness.run_task(TASK, RESULT, transcript_id=meeting.transcript_id)


def expect_stored(run: TaskRun) -> None:
    columns = {name: run.transcript.get(name) for name in STORED}
    expect(columns, "result in the transcript row").equals(STORED)


def expect_ended(run: TaskRun) -> None:
    expect(run.transcript.get("status"), "status of the transcript").equals("ended")


@pytest.mark.clause("finalize.status")
def test_transcript_status_becomes_ended(harness: Harness) -> None:
    run = finalize(harness, harness.meeting())

    expect(run.output, "output").has({"status": "COMPLETED"})
    expect_ended(run)


@pytest.mark.clause("finalize.status")
def test_a_meeting_that_failed_before_ends(harness: Harness) -> None:
    meeting = harness.meeting()
    bad = {**RESULT, "title": None}
    failed = harness.run_task(TASK, bad, transcript_id=meeting.transcript_id)
    expect(failed.status, "status of the task with a bad input").equals(
        "FAILED_WITH_TERMINAL_ERROR"
    )

    run = finalize(harness, meeting)

    expect_ended(run)
    expect(run.emitted("STATUS"), "STATUS events").has([{"value": "ended"}])


@pytest.mark.clause("finalize.persists")
def test_result_replaces_the_stored_one(harness: Harness) -> None:
    run = finalize(harness, harness.meeting(title="Old", long_summary="Old", short_summary="Old"))

    expect_stored(run)


@pytest.mark.clause("finalize.persists")
def test_empty_texts_and_no_duration_replace_the_stored_ones(harness: Harness) -> None:
    meeting = harness.meeting(title="Old", long_summary="Old", short_summary="Old", duration=5.0)
    given = {"title": "T", "summary": "", "short_summary": "", "duration": 0}

    run = harness.run_task(TASK, given, transcript_id=meeting.transcript_id)

    columns = {name: run.transcript.get(name) for name in STORED}
    expect(columns, "result in the transcript row").equals(
        {"title": "T", "long_summary": "", "short_summary": "", "duration": 0}
    )


@pytest.mark.clause("finalize.persists")
def test_another_result_replaces_that_of_an_ended_meeting(harness: Harness) -> None:
    meeting = harness.meeting()
    earlier = {"title": "Old", "summary": "Old", "short_summary": "Old", "duration": 5.0}
    harness.run_task(TASK, earlier, transcript_id=meeting.transcript_id)

    run = finalize(harness, meeting)

    expect_stored(run)
    expect_ended(run)


@pytest.mark.clause("finalize.event")
def test_ended_is_emitted_with_the_result_stored(harness: Harness) -> None:
    run = finalize(harness, harness.meeting())

    expect(run.emitted("STATUS"), "STATUS events").has([{"value": "ended"}])
    expect_ended(run)
    expect_stored(run)


@pytest.mark.clause("finalize.idempotent")
def test_second_run_changes_and_emits_nothing(harness: Harness) -> None:
    meeting = harness.meeting()
    first = finalize(harness, meeting)
    expect(len(first.emitted("STATUS")), "STATUS events of the first run").equals(1)

    second = finalize(harness, meeting)

    expect(second.statuses, "attempt statuses").equals(["COMPLETED"])
    expect_stored(second)
    expect_ended(second)
    expect(second.emitted("STATUS"), "STATUS events of the second run").equals([])


@pytest.mark.clause("finalize.large-meeting")
def test_summary_of_a_million_characters_is_stored_whole(harness: Harness) -> None:
    meeting = harness.meeting()
    summary = "סיכום 🦉 summary\n" * (1_000_000 // 16)

    run = harness.run_task(
        TASK, {**RESULT, "summary": summary}, transcript_id=meeting.transcript_id
    )

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    stored = str(run.transcript.get("long_summary"))
    expect(len(stored), "characters of long_summary").equals(len(summary))
    same = same_value(stored, summary)
    expect(same, "long_summary equals the given summary").equals(True)

"""Clauses of contracts/tasks/finalize.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "finalize"

RESULT: dict[str, Any] = {
    "title": "כותרת 🦉",
    "summary": "# Long\n\nAll of it.",
    "short_summary": "Short.",
    "duration": 61.5,
}
STORED = {
    "title": RESULT["title"],
    "long_summary": RESULT["summary"],
    "short_summary": RESULT["short_summary"],
    "duration": RESULT["duration"],
}


def finalized(harness: Harness, meeting: Scenario) -> TaskRun:
    return harness.run_task(TASK, RESULT, transcript_id=meeting.transcript_id)


def stored(run: TaskRun) -> dict[str, Any]:
    return {name: run.transcript.get(name) for name in STORED}


@pytest.mark.clause("finalize.status")
def test_the_transcript_has_ended(harness: Harness) -> None:
    run = finalized(harness, harness.meeting())

    expect(run.output, "output").equals({"status": "COMPLETED"})
    expect(run.transcript.get("status"), "status").equals("ended")


@pytest.mark.clause("finalize.persists")
def test_the_result_is_stored_as_given(harness: Harness) -> None:
    run = finalized(harness, harness.meeting(title="Old", long_summary="Old", short_summary="Old"))

    expect(stored(run), "stored").equals(STORED)


@pytest.mark.clause("finalize.event")
def test_the_end_is_told_with_the_result_stored(harness: Harness) -> None:
    run = finalized(harness, harness.meeting())

    expect(run.emitted("STATUS"), "STATUS events").equals([{"value": "ended"}])
    expect(run.transcript.get("status"), "status").equals("ended")
    expect(stored(run), "stored").equals(STORED)


@pytest.mark.clause("finalize.idempotent")
def test_a_second_run_changes_and_tells_nothing(harness: Harness) -> None:
    meeting = harness.meeting()
    finalized(harness, meeting)

    again = finalized(harness, meeting)

    expect(again.statuses, "attempts").equals(["COMPLETED"])
    expect(stored(again), "stored").equals(STORED)
    expect(again.transcript.get("status"), "status").equals("ended")
    expect(again.emitted("STATUS"), "STATUS events of the second run").equals([])


@pytest.mark.clause("finalize.large-meeting")
def test_a_summary_of_a_million_characters_is_stored_as_given(harness: Harness) -> None:
    meeting = harness.meeting()
    long = "סיכום 🦉 summary\n" * (1_000_000 // 16)

    run = harness.run_task(TASK, {**RESULT, "summary": long}, transcript_id=meeting.transcript_id)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    kept = str(run.transcript.get("long_summary"))
    expect(len(kept), "characters of long_summary").equals(len(long))
    expect(kept == long, "long_summary is as given").equals(True)

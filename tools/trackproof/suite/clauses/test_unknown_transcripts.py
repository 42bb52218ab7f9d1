"""Clause `<task>.unknown-transcript`: no task works for a transcript that does not exist."""

from __future__ import annotations

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.ids import new_id
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.outside_calls import FINISHED
from trackproof.suite.harness import Harness

DELIVERIES = frozenset({"zulip", "webhook"})

TASKS = [
    pytest.param(name, marks=pytest.mark.clause(f"{name}.unknown-transcript"))
    for name, task in load_contracts().tasks.items()
    if "no such transcript" in task.errors["terminal"]
]


@pytest.mark.parametrize("task", TASKS)
def test_a_transcript_that_does_not_exist_fails_terminally(task: str, harness: Harness) -> None:
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2], **FINISHED)
    before = harness.task_runner.transcript(meeting.transcript_id)
    unknown = new_id()

    run = harness.run_task(
        task, {**valid_input(harness, task, meeting), "transcript_id": unknown}, about=meeting
    )

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    delivered = [one.service for one in run.requests if one.service in DELIVERIES]
    expect(delivered, "deliveries").equals([])
    if harness.fleet.exposes_rows:
        expect(harness.task_runner.transcript(unknown), "row of the transcript").equals({})
        row = harness.task_runner.transcript(meeting.transcript_id)
        expect(row, "row of another transcript").equals(before)

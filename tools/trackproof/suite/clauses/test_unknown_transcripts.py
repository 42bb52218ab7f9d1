"""Clause `<task>.unknown-transcript`: what a task does for a transcript that does not exist.

A task that stores or delivers something fails; one that only passes its id on completes.
"""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.ids import new_id
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.outside_calls import FINISHED
from trackproof.suite.harness import Harness

DELIVERIES = frozenset({"zulip", "webhook"})


def _tasks(*, failing: bool) -> list[Any]:
    """Return the tasks that fail, or complete, for an unknown transcript."""
    return [
        pytest.param(name, marks=pytest.mark.clause(f"{name}.unknown-transcript"))
        for name, task in load_contracts().tasks.items()
        if any(clause.id == f"{name}.unknown-transcript" for clause in task.clauses)
        and ("no such transcript" in task.errors["terminal"]) is failing
    ]


@pytest.mark.parametrize("task", _tasks(failing=True))
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


@pytest.mark.parametrize("task", _tasks(failing=False))
def test_a_task_that_needs_no_transcript_completes(task: str, harness: Harness) -> None:
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2])
    unknown = new_id()

    run = harness.run_task(
        task, {**valid_input(harness, task, meeting), "transcript_id": unknown}, about=meeting
    )

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    if harness.fleet.exposes_rows:
        expect(harness.task_runner.transcript(unknown), "row of the transcript").equals({})

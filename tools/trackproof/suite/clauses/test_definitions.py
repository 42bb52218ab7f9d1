"""Clause `<task>.definition`: registered limits, and Conductor's time-outs and retries."""

from __future__ import annotations

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

COMPARED_FIELDS = (
    "timeoutSeconds",
    "responseTimeoutSeconds",
    "retryCount",
    "retryLogic",
    "retryDelaySeconds",
    "timeoutPolicy",
)

EVERY_TASK = [
    pytest.param(task, marks=pytest.mark.clause(f"{task}.definition"))
    for task in load_contracts().tasks
]


@pytest.mark.parametrize("task", EVERY_TASK)
def test_registered_definition_equals_the_contract(task: str, harness: Harness) -> None:
    expected = load_contracts().tasks[task].task_definition()

    registered = harness.task_runner.definitions.get(task, {})

    expect({key: registered.get(key) for key in COMPARED_FIELDS}, f"definition of {task}").equals(
        {key: expected[key] for key in COMPARED_FIELDS}
    )


@pytest.mark.late
@pytest.mark.parametrize("task", EVERY_TASK)
def test_unanswered_task_times_out_after_its_retries(task: str, harness: Harness) -> None:
    retries = load_contracts().tasks[task].retry_count

    trial = harness.trials.of(task)

    # The trial leaves the first and the last attempt unanswered and fails those between.
    expect([attempt.status for attempt in trial.attempts], "attempt statuses").equals(
        ["TIMED_OUT", *["FAILED"] * (retries - 1), "TIMED_OUT"]
    )
    expect(trial.workflow_status, "status of the workflow").equals("TIMED_OUT")
    first = trial.attempts[0]
    expect(first.ended_at - first.started_at, "seconds to the first time-out").holds(
        first.ended_at - first.started_at >= trial.response_timeout_seconds,
        f"at least {trial.response_timeout_seconds}",
    )

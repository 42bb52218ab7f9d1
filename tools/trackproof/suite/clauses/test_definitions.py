"""What the server was told of each task, and what it then does when a worker does not answer."""

from __future__ import annotations

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

LAW = (
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
def test_the_registered_definition_is_the_contracts(task: str, harness: Harness) -> None:
    wanted = load_contracts().tasks[task].task_definition()

    registered = harness.task_runner.definitions.get(task, {})

    expect({key: registered.get(key) for key in LAW}, f"definition of {task}").equals(
        {key: wanted[key] for key in LAW}
    )


@pytest.mark.late
@pytest.mark.parametrize("task", EVERY_TASK)
def test_a_worker_that_does_not_answer_is_retried_and_given_up(task: str, harness: Harness) -> None:
    retries = load_contracts().tasks[task].retry_count

    trial = harness.trials.of(task)

    # The suite leaves the first and the last attempt unanswered and fails those between.
    expect([attempt.status for attempt in trial.attempts], "attempts").equals(
        ["TIMED_OUT", *["FAILED"] * (retries - 1), "TIMED_OUT"]
    )
    expect(trial.workflow_status, "the workflow").equals("TIMED_OUT")
    first = trial.attempts[0]
    expect(first.ended_at - first.started_at, "seconds until the time-out").holds(
        first.ended_at - first.started_at >= trial.response_timeout_seconds,
        f"at least {trial.response_timeout_seconds}",
    )

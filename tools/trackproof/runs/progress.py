"""The pipeline's steps, from Conductor's record of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackproof.contracts.load import Step
from trackproof.events.steps import StepState

NOT_STARTED = "PENDING"
RUNNING = frozenset({NOT_STARTED, "SCHEDULED", "IN_PROGRESS"})
INCONCLUSIVE = frozenset({"CANCELED", "COMPLETED_WITH_ERRORS", "SKIPPED"})
"""Final statuses of a branch that are not its own failure."""
RETRYABLE = frozenset({"FAILED", "TIMED_OUT"})
"""Statuses after which Conductor retries, up to the definition's `retryCount`."""
UNSCHEDULED_RETRY = "Conductor ended the run before it scheduled the next attempt"
"""Message for a run with `unscheduled_retries`."""


def has_failed(status: str) -> bool:
    """Return whether a task status is a failure."""
    return status not in RUNNING | INCONCLUSIVE | {"COMPLETED"}


def step_states(steps: Sequence[Step], workflow: Mapping[str, Any], now: float) -> list[StepState]:
    """Return the state of each step, in pipeline order.

    Args:
        steps: The pipeline.
        workflow: The run as Conductor's API returns it, with tasks.
        now: Epoch seconds; the end of whatever is still running.
    """
    return [_state(step, workflow["tasks"], now) for step in steps]


def unscheduled_retries(workflow: Mapping[str, Any]) -> list[str]:
    """Return the branches that had retries left when their JOIN failed the run.

    Conductor fails a JOIN that it evaluates between a branch's failure and the scheduling of the
    branch's retry: `docs/conductor.md`, "A branch that fails once".

    Args:
        workflow: The run as Conductor's API returns it, with tasks.

    Returns:
        Reference names; empty if no JOIN failed, or if a branch had no retries left.
    """
    tasks = workflow["tasks"]  # may include the lost retry as CANCELED
    latest = {task["referenceTaskName"]: task for task in tasks if task["status"] != "CANCELED"}
    for join in latest.values():
        if join.get("taskType") == "JOIN" and join["status"] == "FAILED":
            names = join["inputData"].get("joinOn") or []
            branches = [latest[name] for name in names if name in latest]
            failed = [branch for branch in branches if has_failed(branch["status"])]
            if failed and all(_has_retries_left(branch) for branch in failed):
                return [branch["referenceTaskName"] for branch in failed]
    return []


def _has_retries_left(task: Mapping[str, Any]) -> bool:
    definition = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    allowed = int(definition.get("retryCount") or 0)
    return task["status"] in RETRYABLE and int(task.get("retryCount") or 0) < allowed


def _state(step: Step, tasks: Sequence[Mapping[str, Any]], now: float) -> StepState:
    attempts = [task for task in tasks if _belongs_to(task, step)]
    latest = {task["referenceTaskName"]: task for task in attempts}
    started = [task["startTime"] / 1000 for task in attempts if task.get("startTime")]
    ended = [(task.get("endTime") or now * 1000) / 1000 for task in latest.values()]
    statuses = [task["status"] for task in latest.values()]
    fork = next(
        (t for t in tasks if step.dynamic and t["referenceTaskName"] == step.reference), None
    )
    reasons = [
        task["reasonForIncompletion"] for task in attempts if task.get("reasonForIncompletion")
    ]
    return StepState(
        name=step.task_type if step.dynamic else step.reference,
        status=_combined_status(statuses, empty="COMPLETED" if fork else NOT_STARTED),
        attempts=len(attempts),
        started_at=min(started) if started else None,
        seconds=round(max(ended) - min(started), 3) if started else 0.0,
        branches_done=statuses.count("COMPLETED") if step.dynamic else 0,
        branches=len(latest) if step.dynamic else 0,
        reason=reasons[-1] if reasons else "",
    )


def _belongs_to(task: Mapping[str, Any], step: Step) -> bool:
    if step.dynamic:
        return bool(task["taskDefName"] == step.task_type)
    return bool(task["referenceTaskName"] == step.reference)


def _combined_status(statuses: Sequence[str], *, empty: str) -> str:
    """Combine the statuses of all branches: a failure first, then whatever is still running."""
    if not statuses:
        return empty
    unsuccessful = [status for status in statuses if status not in RUNNING | {"COMPLETED"}]
    running = [status for status in statuses if status in RUNNING]
    if unsuccessful:
        return next(filter(has_failed, unsuccessful), unsuccessful[0])
    return "IN_PROGRESS" if running and len(set(statuses)) > 1 else statuses[0]

"""What Conductor tells of a running workflow, as the pipeline's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackproof.contracts.load import Step
from trackproof.events.steps import StepState

NOT_STARTED = "PENDING"
ENDED_WELL = frozenset({"COMPLETED"})
RUNNING = frozenset({NOT_STARTED, "SCHEDULED", "IN_PROGRESS"})
LESSER_ENDS = frozenset({"CANCELED", "COMPLETED_WITH_ERRORS", "SKIPPED"})
"""What happens to a branch when another one has failed, or what does not fail the step."""
TRIED_AGAIN = frozenset({"FAILED", "TIMED_OUT"})
"""How an attempt ends that another one follows, while the task's definition allows more."""
FORGONE = "Conductor ended the run before it had planned the next attempt"
"""What is said where `forgone_retries` finds any."""


def has_failed(status: str) -> bool:
    """Tell whether a task of such a status ended, and not well."""
    return status not in RUNNING | LESSER_ENDS | ENDED_WELL


def step_states(steps: Sequence[Step], workflow: Mapping[str, Any], now: float) -> list[StepState]:
    """Return each step's state, in the order of the pipeline.

    Args:
        steps: The pipeline.
        workflow: The run as Conductor's API gives it, with tasks.
        now: Epoch seconds; the end of what still runs.
    """
    return [_state(step, workflow["tasks"], now) for step in steps]


def forgone_retries(workflow: Mapping[str, Any]) -> list[str]:
    """Return the branches that were to be tried again when their JOIN ended the run.

    A JOIN that is looked at between a branch's failure and the planning of its next attempt
    takes the branch for lost: `docs/conductor.md`, "A branch that fails once".

    Args:
        workflow: The run as Conductor's API gives it, with tasks.

    Returns:
        Reference names. Empty where no JOIN failed, or where one failed with good reason.
    """
    tasks = workflow["tasks"]  # the attempt that was forgone may be among them, as canceled
    latest = {task["referenceTaskName"]: task for task in tasks if task["status"] != "CANCELED"}
    for join in latest.values():
        if join.get("taskType") == "JOIN" and join["status"] == "FAILED":
            names = join["inputData"].get("joinOn") or []
            on = [latest[name] for name in names if name in latest]
            failed = [one for one in on if has_failed(one["status"])]
            if failed and all(_has_tries_left(one) for one in failed):
                return [one["referenceTaskName"] for one in failed]
    return []


def _has_tries_left(task: Mapping[str, Any]) -> bool:
    definition = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    tries = int(definition.get("retryCount") or 0)
    return task["status"] in TRIED_AGAIN and int(task.get("retryCount") or 0) < tries


def _state(step: Step, tasks: Sequence[Mapping[str, Any]], now: float) -> StepState:
    attempts = [task for task in tasks if _belongs(task, step)]
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
        status=_together(statuses, empty="COMPLETED" if fork else NOT_STARTED),
        attempts=len(attempts),
        started_at=min(started) if started else None,
        seconds=round(max(ended) - min(started), 3) if started else 0.0,
        branches_done=statuses.count("COMPLETED") if step.dynamic else 0,
        branches=len(latest) if step.dynamic else 0,
        reason=reasons[-1] if reasons else "",
    )


def _belongs(task: Mapping[str, Any], step: Step) -> bool:
    if step.dynamic:
        return bool(task["taskDefName"] == step.task_type)
    return bool(task["referenceTaskName"] == step.reference)


def _together(statuses: Sequence[str], *, empty: str) -> str:
    """Return one status for all branches: the worst of those that ended, or what still runs."""
    if not statuses:
        return empty
    failed = [status for status in statuses if status not in RUNNING | ENDED_WELL]
    running = [status for status in statuses if status in RUNNING]
    if failed:
        return next((status for status in failed if status not in LESSER_ENDS), failed[0])
    return "IN_PROGRESS" if running and len(set(statuses)) > 1 else statuses[0]

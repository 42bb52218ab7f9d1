"""PIPELINE_PROGRESS events (seed EVENT-001, EVENT-002).

Emitted when a task starts, completes or fails. Each branch of a dynamic fork emits its own, with
the number of branches and of completed branches. Errors are only logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import structlog

from reference_workers.context import Context, event_source
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.unit_of_work import UnitOfWork
from trackproof.contracts.load import Step, load_contracts

Progress = Literal["in_progress", "completed", "failed"]

PROGRESS = "PIPELINE_PROGRESS"
DONE = frozenset({"COMPLETED", "SKIPPED"})
"""Conductor's statuses of a task that needs no further work."""

FORK_HELPER = "generate_dynamic_fork_tasks"

log = structlog.get_logger()


def report_progress(
    context: Context,
    transcript_id: str | None,
    task_type: str,
    progress: Progress,
    *,
    output: Mapping[str, Any] | None = None,
    is_final: bool = False,
) -> None:
    """Emit PIPELINE_PROGRESS and update the transcript's workflow, branches and status.

    Args:
        context: The task.
        transcript_id: None if the transcript is unknown; then nothing is emitted.
        task_type: The task's type.
        progress: Status of the step.
        output: Output of a completed task.
        is_final: No retry follows a failure; for a required step the status becomes error.
    """
    step = step_of(context.reference, task_type)
    if transcript_id is None or step is None:
        return
    try:
        with context.unit_of_work(transcript_id) as unit:
            if progress == "in_progress":
                _record_start(context, unit, step)
            if progress == "completed" and task_type == FORK_HELPER:
                _record_branches(context, unit, output or {})
            data = _data(unit, step, context.workflow_id, context.reference, progress)
            unit.emit(PROGRESS, data, identity=_identity(context.task_id, progress))
            if is_final and not step.optional:
                unit.set_status("error")
    except Exception as error:  # must not fail the task
        log.warning("cannot record the progress", cause=str(error))


def close_open_steps(state: State, transcript_id: str, workflow: Mapping[str, Any]) -> None:
    """Emit `failed` for every started task of an ended workflow that has no end event.

    Args:
        state: The database.
        transcript_id: The workflow's transcript.
        workflow: The workflow with its tasks. Some may still be IN_PROGRESS: a workflow is
            TERMINATED shortly before its tasks are CANCELED.
    """
    workflow_id = workflow["workflowId"]
    for task in workflow["tasks"]:
        reference, task_id = task["referenceTaskName"], task["taskId"]
        step = step_of(reference, task.get("taskDefName", ""))
        if step is None or task["status"] in DONE:
            continue
        with state.unit_of_work(transcript_id, event_source(workflow_id, reference)) as unit:
            started = unit.has_emitted(PROGRESS, _identity(task_id, "in_progress"))
            if started and not unit.has_emitted(PROGRESS, _identity(task_id, "completed")):
                data = _data(unit, step, workflow_id, reference, "failed")
                unit.emit(PROGRESS, data, identity=_identity(task_id, "failed"))


def step_of(reference: str, task_type: str) -> Step | None:
    """Return a task's step in the pipeline; a branch belongs to its fork's step."""
    for step in load_contracts().steps:
        if step.reference == reference or (step.dynamic and step.task_type == task_type):
            return step
    return None


def _record_start(context: Context, unit: UnitOfWork, step: Step) -> None:
    unit.assign_workflow(context.workflow_id, replace=step.index == 1)
    if context.attempt > 0 and unit.transcript.status == "error":
        unit.set_status("processing")  # a retried workflow


def _record_branches(context: Context, unit: UnitOfWork, output: Mapping[str, Any]) -> None:
    by_type: dict[str, list[str]] = {}
    for task in output.get("tasks", ()):
        by_type.setdefault(task["name"], []).append(task["taskReferenceName"])
    for task_type, references in by_type.items():
        unit.expect_branches(context.workflow_id, task_type, references)


def _identity(task_id: str, progress: Progress) -> str:
    """Return the event's identity; each attempt has its own task id."""
    return f"{task_id}/{progress}"


def _data(
    unit: UnitOfWork, step: Step, workflow_id: str, reference: str, progress: Progress
) -> dict[str, Any]:
    data = {
        "workflow_id": workflow_id,
        "current_step": reference,
        "step_index": step.index,
        "total_steps": len(load_contracts().steps),
        "step_status": progress,
    }
    if not step.dynamic:
        return data
    done, total = unit.record_branch(
        workflow_id, step.task_type, reference, done=progress == "completed"
    )
    return {**data, "branch": reference, "branches_done": done, "branches_total": total}

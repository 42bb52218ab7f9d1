"""Carry out one task: validated input, worker, validated output, and the events around it.

Knows nothing of Conductor's SDK; `runner.py` is the only place that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import structlog

from contracts.load import Step, load_contracts
from contracts.validate import ContractViolationError, accepted_input, check
from reference_workers.context import Context
from reference_workers.errors import PermanentError, TransientError
from reference_workers.workers import WORKERS

Status = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]
Progress = Literal["in_progress", "completed", "failed"]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a task ended, in Conductor's words for it."""

    status: Status
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def perform(context: Context, task_type: str, payload: Mapping[str, Any]) -> Outcome:
    """Run one task to its outcome; nothing a worker raises goes further than here."""
    transcript_id = _transcript_id(context, payload)
    with structlog.contextvars.bound_contextvars(
        workflow_id=context.workflow_id,
        task=context.reference,
        attempt=context.attempt,
        transcript_id=transcript_id,
    ):
        _report(context, transcript_id, task_type, "in_progress")
        outcome = _outcome(context, task_type, payload)
        _report(
            context,
            transcript_id,
            task_type,
            "completed" if outcome.status == "COMPLETED" else "failed",
            is_final=_is_final(context, task_type, outcome),
        )
        log.info("task ended", status=outcome.status, reason=outcome.reason)
    return outcome


def _outcome(context: Context, task_type: str, payload: Mapping[str, Any]) -> Outcome:
    try:
        arguments = accepted_input(task_type, payload)
    except ContractViolationError as error:
        return Outcome("FAILED_WITH_TERMINAL_ERROR", reason=str(error))
    try:
        output = WORKERS[task_type](context, **arguments)
        check(task_type, "output", output)
    except PermanentError as error:
        return Outcome("FAILED_WITH_TERMINAL_ERROR", reason=str(error))
    except (TransientError, ContractViolationError) as error:
        return Outcome("FAILED", reason=str(error))
    except Exception as error:
        # A fault of ours: the log has the whole of it, the server only its name, since a
        # message from a library may hold a URL with its signature.
        log.exception("unexpected failure")
        return Outcome("FAILED", reason=f"unexpected {type(error).__name__}")
    return Outcome("COMPLETED", output=output)


def _is_final(context: Context, task_type: str, outcome: Outcome) -> bool:
    """Tell whether a failure is one that no retry follows."""
    if outcome.status == "COMPLETED":
        return False
    retries = load_contracts().tasks[task_type].retry_count
    return outcome.status == "FAILED_WITH_TERMINAL_ERROR" or context.attempt >= retries


def _report(
    context: Context,
    transcript_id: str | None,
    task_type: str,
    progress: Progress,
    *,
    is_final: bool = False,
) -> None:
    """Append PIPELINE_PROGRESS; after the last failure of a needed step, the status is error."""
    step = step_of(context.reference, task_type)
    if transcript_id is None or step is None:
        return
    try:
        with context.clients.state.edit(transcript_id) as edit:
            edit.emit(
                "PIPELINE_PROGRESS",
                {
                    "workflow_id": context.workflow_id,
                    "current_step": context.reference,
                    "step_index": step.index,
                    "total_steps": len(load_contracts().steps),
                    "step_status": progress,
                },
            )
            if is_final and not step.optional:
                edit.transcript.status = "error"
                edit.emit("STATUS", {"value": "error"})
    except Exception as error:  # whatever it is, the task itself is not to suffer for it
        log.warning("progress could not be recorded", cause=str(error))


def step_of(reference: str, task_type: str) -> Step | None:
    """Return the pipeline's step for a task; a branch of a dynamic fork has its fork's step."""
    for step in load_contracts().steps:
        if step.reference == reference or (step.dynamic and step.task_type == task_type):
            return step
    return None


def _transcript_id(context: Context, payload: Mapping[str, Any]) -> str | None:
    if isinstance(transcript_id := payload.get("transcript_id"), str):
        return transcript_id
    if isinstance(recording_id := payload.get("recording_id"), str):
        try:
            return context.clients.state.transcript_id_of_recording(recording_id)
        except Exception as error:
            log.warning("transcript could not be looked up", cause=str(error))
    return None

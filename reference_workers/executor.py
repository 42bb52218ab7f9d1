"""Execute one task: validate the input, run the worker, validate the output, emit progress.

Independent of Conductor's SDK, which only `runner.py` uses.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any, Literal

import structlog

from reference_workers import metrics
from reference_workers.context import Context
from reference_workers.errors import OutageError, PermanentError, TransientError
from reference_workers.payloads import read_lists, store_large_list
from reference_workers.platform.costs import store_cost, task_cost
from reference_workers.platform.progress import report_progress
from reference_workers.system_errors import unexpected_reason
from reference_workers.text import clean_json, cut
from reference_workers.workers import WORKERS
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, accepted_input, check

Status = Literal["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"]

_OUTAGE_PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds between two looks at a storage or database that is away; the last one repeats."""

pause = time.sleep
"""Waits some seconds; replaced in tests."""

monotonic = time.monotonic

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one execution, with a task status of Conductor's."""

    status: Status
    output: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None


def execute_task(context: Context, task_type: str, payload: Mapping[str, Any]) -> Outcome:
    """Execute one task; an exception of the worker becomes a failed outcome."""
    payload = clean_json(dict(payload))
    transcript_id = _transcript_id(context, payload)
    with structlog.contextvars.bound_contextvars(
        workflow_id=context.workflow_id,
        task=context.reference,
        attempt=context.attempt,
        transcript_id=transcript_id,
    ):
        if _is_handed_over(context, transcript_id):  # its pipeline is another one: write nothing
            reason = cut(f"transcript {transcript_id!r} was handed over to the legacy pipeline")
            log.warning("task refused", reason=reason)
            return Outcome("FAILED_WITH_TERMINAL_ERROR", reason=reason)
        report_progress(context, transcript_id, task_type, "in_progress")
        started_at, start = time.time(), time.perf_counter()
        with metrics.measure() as meter:
            outcome = _outcome(context, task_type, payload)
        seconds = time.perf_counter() - start
        report_progress(
            context,
            transcript_id,
            task_type,
            "completed" if outcome.status == "COMPLETED" else "failed",
            output=outcome.output,
            is_final=_is_final(context, task_type, outcome),
        )
        cost = task_cost(
            context, task_type, transcript_id, status=outcome.status, seconds=seconds, meter=meter
        )
        context.clients.traces.record(
            cost, meter.calls, started_at=started_at, reason=outcome.reason
        )
        store_cost(context.clients.state, cost)
        log.info("task ended", status=outcome.status, reason=outcome.reason, seconds=seconds)
    return outcome


def _outcome(context: Context, task_type: str, payload: Mapping[str, Any]) -> Outcome:
    start = time.perf_counter()
    try:
        arguments = accepted_input(task_type, payload)
    except ContractViolationError as error:
        return _failed(context, "FAILED_WITH_TERMINAL_ERROR", error)
    try:
        output = _run_worker(context, task_type, arguments)
    except PermanentError as error:
        return _failed(context, "FAILED_WITH_TERMINAL_ERROR", error)
    except TransientError as error:
        # Conductor has no delay for one retry: the attempt ends when the next one is welcome.
        left = context.clients.settings.outside_timeout_seconds - (time.perf_counter() - start)
        pause(max(0.0, min(error.retry_after, left)))
        return _failed(context, "FAILED", error)
    except ContractViolationError as error:
        return _failed(context, "FAILED", error)
    except Exception as error:
        # A bug: the log gets the traceback, Conductor only the exception's name, since a
        # library's message may contain a presigned URL.
        log.exception("unexpected failure")
        return Outcome("FAILED", reason=unexpected_reason(error))
    return Outcome("COMPLETED", output=output)


def _run_worker(context: Context, task_type: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the worker's valid output; wait in place while storage or database are away.

    Raises:
        WorkerError: As the worker; OutageError when the time for waiting is over.
        ContractViolationError: The output breaks the contract.
    """
    limit = context.clients.settings.outage_wait_seconds
    longest = load_contracts().tasks[task_type].definition["timeoutSeconds"] / 2
    end = monotonic() + min(limit, longest)
    for delay in chain(_OUTAGE_PAUSES, repeat(_OUTAGE_PAUSES[-1])):
        try:
            given = read_lists(context, task_type, arguments)
            output = WORKERS[task_type](replace(context), **given)
            check(task_type, "output", output)
            output = store_large_list(context, task_type, given.get("transcript_id"), output)
        except OutageError as error:
            left = end - monotonic()
            if left <= 0:
                raise
            log.warning("waiting for the end of an outage", cause=str(error))
            pause(min(delay, left))
        else:
            return output
    raise AssertionError("unreachable")


def _is_handed_over(context: Context, transcript_id: str | None) -> bool:
    """Return whether a fallback has taken the meeting from its workflow."""
    if transcript_id is None:
        return False
    try:
        return context.clients.state.is_handed_over(transcript_id)
    except TransientError:
        return False  # the task itself fails for the same reason


def _failed(context: Context, status: Status, error: Exception) -> Outcome:
    """Return a failure with secrets redacted from its reason, which Conductor shows."""
    return Outcome(status, reason=cut(context.clients.redact(str(error))))


def _is_final(context: Context, task_type: str, outcome: Outcome) -> bool:
    """Return whether a failure is not followed by a retry."""
    if outcome.status == "COMPLETED":
        return False
    retries = load_contracts().tasks[task_type].retry_count
    return outcome.status == "FAILED_WITH_TERMINAL_ERROR" or context.attempt >= retries


def _transcript_id(context: Context, payload: Mapping[str, Any]) -> str | None:
    if isinstance(transcript_id := payload.get("transcript_id"), str):
        return transcript_id
    if isinstance(recording_id := payload.get("recording_id"), str):
        try:
            live = context.clients.state.transcript_id_of_recording(recording_id)
            return live and (context.clients.state.shadow_id(live) or live)
        except Exception as error:
            log.warning("cannot look up the transcript", cause=str(error))
    return None

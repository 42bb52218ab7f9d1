"""Record the costs of each task attempt in the table `task_costs`."""

from __future__ import annotations

import structlog

from reference_workers.context import Context
from reference_workers.metrics import Meter
from reference_workers.platform.state.models import TaskCost
from reference_workers.platform.state.repository import State

SUMMED = (
    "runs",
    "seconds",
    "calls",
    "remembered",
    "bytes_in",
    "bytes_out",
    "audio_seconds",
    "prompt_tokens",
    "completion_tokens",
)
"""Columns that are summed when one attempt runs again after a lost acknowledgement."""

log = structlog.get_logger()


def task_cost(
    context: Context,
    task_type: str,
    transcript_id: str | None,
    *,
    status: str,
    seconds: float,
    meter: Meter,
) -> TaskCost:
    """Return an attempt's row, not yet stored."""
    return TaskCost(
        task_id=context.task_id,
        workflow_id=context.workflow_id,
        transcript_id=transcript_id,
        reference=context.reference,
        task_type=task_type,
        attempt=context.attempt,
        status=status,
        runs=1,
        seconds=seconds,
        calls=len(meter.calls),
        remembered=meter.cache_hits,
        bytes_in=meter.bytes_in,
        bytes_out=meter.bytes_out,
        audio_seconds=meter.audio_seconds,
        prompt_tokens=meter.prompt_tokens,
        completion_tokens=meter.completion_tokens,
    )


def store_cost(state: State, cost: TaskCost) -> None:
    """Store an attempt's row or add to it; errors are only logged."""
    try:
        with state.write_session() as session:
            known = session.get(TaskCost, cost.task_id, with_for_update=True)
            if known is None:
                session.add(cost)
                return
            known.status = cost.status
            for column in SUMMED:
                setattr(known, column, getattr(known, column) + getattr(cost, column))
    except Exception as error:
        log.warning("cannot record the costs of the task", cause=str(error))

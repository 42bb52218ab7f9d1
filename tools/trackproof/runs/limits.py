"""Time limits and poll intervals of runs, in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from trackproof.fleet.profile import Limits

TASK_SECONDS: Final = (30.0, 120.0)
"""Bounds of a task's default limit, from the start of a one-task workflow to its end."""

POLL_SECONDS: Final = 0.02
"""Poll interval of a one-task workflow."""

BUSY_SECONDS: Final = 5.0
"""Until a worker whose run was given up polls again."""

TIMEOUT_SECONDS: Final = 30.0
"""From a scaled time-out to the server's reaction."""

FOLLOW_SECONDS: Final = 0.1
"""Poll interval of a pipeline run."""

STALL_SECONDS: Final = 300.0
"""Longest time without progress in a pipeline run."""

PIPELINES_SECONDS: Final = (120.0, 300.0)
"""Bounds of the default limit from the start of concurrent pipeline runs to the last one's end."""

STATUS_SECONDS: Final = 20.0
"""From the end of a pipeline run to the transcript's final status."""


def task_limit(limits: Limits, task: str, definition: Mapping[str, Any]) -> float:
    """Return the time limit of one run of a task, its retries included.

    A worker that is silent for longer than its registered `responseTimeoutSeconds` hangs.

    Args:
        limits: The profile's, which take precedence.
        task: The task type, in the contracts' terms.
        definition: The task definition that the fleet registered.
    """
    own = limits.tasks.get(task) or limits.task
    return own or _bounded(definition.get("responseTimeoutSeconds"), TASK_SECONDS)


def pipeline_limit(
    limits: Limits,
    workflow: Mapping[str, Any],
    definitions: Mapping[str, Mapping[str, Any]],
) -> float:
    """Return the time limit of concurrent runs of the pipeline.

    Args:
        limits: The profile's, which take precedence.
        workflow: The registered workflow.
        definitions: The registered task definitions by type.
    """
    if limits.pipeline:
        return limits.pipeline
    longest = max((task_limit(limits, *one) for one in definitions.items()), default=0.0)
    return max(_bounded(workflow.get("timeoutSeconds"), PIPELINES_SECONDS), 2 * longest)


def _bounded(seconds: Any, bounds: tuple[float, float]) -> float:
    least, most = bounds
    return min(max(float(seconds or 0), least), most)

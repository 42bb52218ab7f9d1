"""The timeline of one run: attempts, outcomes, costs, and the first cause of a failure.

Built from Conductor's record, which exists whatever the fleet did, and from the fleet's cost rows
if there are any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trackproof.errors import UsageError
from trackproof.events.timeline import Cost, Timeline, TimelineEntry
from trackproof.runs.progress import UNSCHEDULED_RETRY, has_failed, unscheduled_retries

SYSTEM = frozenset(
    {"FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "DECISION", "SWITCH", "TERMINATE"}
)
"""Task types that Conductor executes itself, without a worker."""


def timeline_of(
    workflow: Mapping[str, Any], costs: Mapping[str, Cost] | None, now: float
) -> Timeline:
    """Build the timeline of a run in its present state.

    Args:
        workflow: The run as Conductor's API returns it, with tasks.
        costs: Costs by task id; None without a cost table.
        now: Epoch seconds; the end of whatever is still running.

    Raises:
        UsageError: `workflow` is not a workflow run.
    """
    try:
        start = _seconds(workflow.get("startTime")) or _seconds(workflow["createTime"]) or now
        attempts = tuple(
            _entry(task, start, now, costs)
            for task in workflow["tasks"]
            if task.get("taskType") not in SYSTEM
        )
        status = str(workflow["status"])
        end = now if _is_running(status) else _seconds(workflow.get("endTime")) or now
        return Timeline(
            workflow_id=str(workflow["workflowId"]),
            name=str(workflow.get("workflowName") or workflow.get("workflowType") or ""),
            status=status,
            seconds=end - start,
            attempts=tuple(sorted(attempts, key=lambda one: (one.began is None, one.began or 0.0))),
            cost=None if costs is None else sum(costs.values(), Cost()),
            cause=_first_cause(status, attempts, workflow),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the server's response is not a workflow run: {error!r}",
            hint="give the id of a run, as `trackproof run` or Conductor shows it",
        ) from error


def _entry(
    task: Mapping[str, Any], start: float, now: float, costs: Mapping[str, Cost] | None
) -> TimelineEntry:
    started, ended = _seconds(task.get("startTime")), _seconds(task.get("endTime"))
    scheduled = _seconds(task.get("scheduledTime")) or start
    return TimelineEntry(
        task_id=str(task["taskId"]),
        reference=str(task["referenceTaskName"]),
        task_type=str(task["taskDefName"]),
        number=int(task.get("retryCount") or 0) + 1,
        status=str(task["status"]),
        began=None if started is None else started - start,
        seconds=0.0 if started is None else max((ended or now) - started, 0.0),
        waited=max((started or ended or now) - scheduled, 0.0),
        reason=str(task.get("reasonForIncompletion") or ""),
        optional=bool((task.get("workflowTask") or {}).get("optional")),
        cost=(costs or {}).get(str(task["taskId"])),
        failed=has_failed(str(task["status"])),
    )


def _first_cause(
    status: str, attempts: Sequence[TimelineEntry], workflow: Mapping[str, Any]
) -> str:
    """Describe the first failed attempt of the task whose failure ended the run."""
    failed = sorted((one for one in attempts if one.failed), key=lambda one: one.end)
    if status == "COMPLETED":
        return ""
    if _is_running(status):
        return f"so far: {_description(failed[0], attempts)}" if failed else ""
    latest = {one.reference: one for one in sorted(attempts, key=lambda one: one.number)}
    final_failures = sorted(
        (one for one in latest.values() if one.failed and not one.optional),
        key=lambda one: one.end,
    )
    unscheduled = unscheduled_retries(workflow)
    references = unscheduled or [one.reference for one in final_failures]
    if not references:
        reason = workflow.get("reasonForIncompletion") or "no reason given"
        return f"{status.lower()} from outside: {reason}"
    first = next(one for one in failed if one.reference == references[0])
    more = f"; {UNSCHEDULED_RETRY}: restart the run" if unscheduled else ""
    return _description(first, attempts) + more


def _description(entry: TimelineEntry, attempts: Sequence[TimelineEntry]) -> str:
    others = sum(one.reference == entry.reference for one in attempts) - 1
    more = f", and {others} more" if others else ""
    where = f"{entry.reference}, attempt {entry.number}{more}"
    reason = entry.reason or f"{entry.status}, no reason given"
    return f"{where}, {entry.end:.1f} s into the run: {reason}"


def _is_running(status: str) -> bool:
    return status in {"RUNNING", "PAUSED"}


def _seconds(milliseconds: Any) -> float | None:
    """Convert Conductor's time; it writes 0 for a time that has not come yet."""
    return milliseconds / 1000 if milliseconds else None

"""The story of one run: what was tried when, how it ended, what it cost, what went wrong first.

Told from Conductor's record, which is there whatever the fleet did, and from the fleet's own rows
of costs where there are any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trackproof.errors import UsageError
from trackproof.runs.costs import Cost
from trackproof.runs.progress import FORGONE, forgone_retries, has_failed

SYSTEM = frozenset(
    {"FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "DECISION", "SWITCH", "TERMINATE"}
)
"""Task types that Conductor carries out itself, in no time."""

ENDED_WELL = "COMPLETED"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One attempt at one task."""

    task_id: str
    reference: str
    task_type: str
    number: int
    """Counts from 1."""
    status: str
    began: float | None
    """Seconds since the workflow began; None while it waits for a worker."""
    seconds: float
    """As Conductor sees it; of one that runs, until now."""
    waited: float
    """Seconds in the queue, or until now."""
    reason: str
    optional: bool
    cost: Cost | None

    @property
    def failed(self) -> bool:
        """Whether it ended, and not well."""
        return has_failed(self.status)


@dataclass(frozen=True, slots=True)
class Story:
    """One run."""

    workflow_id: str
    name: str
    status: str
    seconds: float
    """Until its end, or until now."""
    attempts: tuple[TimelineEntry, ...]
    """In the order they began; those that wait come last."""
    cost: Cost | None
    """Of all attempts; None where no costs are known."""
    cause: str
    """What went wrong first, in one line; empty where nothing did."""


def tell_story(workflow: Mapping[str, Any], costs: Mapping[str, Cost] | None, now: float) -> Story:
    """Tell a run as it stands.

    Args:
        workflow: The run as Conductor's API gives it, with tasks.
        costs: By task id; None where no costs are known.
        now: Epoch seconds; the end of what still runs.

    Raises:
        UsageError: That is no run of a workflow.
    """
    try:
        began = _moment(workflow.get("startTime")) or _moment(workflow["createTime"]) or now
        attempts = tuple(
            _attempt(task, began, now, costs)
            for task in workflow["tasks"]
            if task.get("taskType") not in SYSTEM
        )
        status = str(workflow["status"])
        return Story(
            workflow_id=str(workflow["workflowId"]),
            name=str(workflow.get("workflowName") or workflow.get("workflowType") or ""),
            status=status,
            seconds=(_moment(workflow.get("endTime")) or now if _ended(status) else now) - began,
            attempts=tuple(sorted(attempts, key=_when)),
            cost=None if costs is None else sum(costs.values(), Cost()),
            cause=_cause(status, attempts, workflow),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"what the server answered is no run of a workflow: {error!r}",
            hint="give the id of a run, as `trackproof run` or Conductor shows it",
        ) from error


def _attempt(
    task: Mapping[str, Any], began: float, now: float, costs: Mapping[str, Cost] | None
) -> TimelineEntry:
    started, ended = _moment(task.get("startTime")), _moment(task.get("endTime"))
    scheduled = _moment(task.get("scheduledTime")) or began
    return TimelineEntry(
        task_id=str(task["taskId"]),
        reference=str(task["referenceTaskName"]),
        task_type=str(task["taskDefName"]),
        number=int(task.get("retryCount") or 0) + 1,
        status=str(task["status"]),
        began=None if started is None else started - began,
        seconds=0.0 if started is None else max((ended or now) - started, 0.0),
        waited=max((started or ended or now) - scheduled, 0.0),
        reason=str(task.get("reasonForIncompletion") or ""),
        optional=bool((task.get("workflowTask") or {}).get("optional")),
        cost=(costs or {}).get(str(task["taskId"])),
    )


def _cause(status: str, attempts: Sequence[TimelineEntry], workflow: Mapping[str, Any]) -> str:
    """Name what went wrong first among what the run's end, or its delay, comes from."""
    failed = sorted((one for one in attempts if one.failed), key=_end)
    if status == ENDED_WELL:
        return ""
    if not _ended(status):
        return f"so far: {_told(failed[0], attempts)}" if failed else ""
    latest = {one.reference: one for one in sorted(attempts, key=lambda one: one.number)}
    ends = [one for one in _by_end(latest.values()) if one.failed and not one.optional]
    forgone = forgone_retries(workflow)
    given_up = forgone or [one.reference for one in ends]
    if not given_up:
        reason = workflow.get("reasonForIncompletion") or "no reason is given"
        return f"{status.lower()} from outside: {reason}"
    first = next(one for one in failed if one.reference == given_up[0])
    return _told(first, attempts) + (f"; {FORGONE}: restart the run" if forgone else "")


def _told(first: TimelineEntry, attempts: Sequence[TimelineEntry]) -> str:
    tries = [one for one in attempts if one.reference == first.reference]
    more = f", and {len(tries) - 1} more" if len(tries) > 1 else ""
    where = f"{first.reference}, attempt {first.number}{more}"
    reason = first.reason or f"{first.status}, no reason is given"
    return f"{where}, {_end(first):.1f} s into the run: {reason}"


def _by_end(attempts: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    return sorted(attempts, key=_end)


def _end(attempt: TimelineEntry) -> float:
    return (attempt.began or 0.0) + attempt.seconds


def _when(attempt: TimelineEntry) -> tuple[bool, float]:
    return attempt.began is None, attempt.began or 0.0


def _ended(status: str) -> bool:
    return status not in {"RUNNING", "PAUSED"}


def _moment(milliseconds: Any) -> float | None:
    """Return epoch seconds; Conductor writes 0 for a moment that has not come."""
    return milliseconds / 1000 if milliseconds else None

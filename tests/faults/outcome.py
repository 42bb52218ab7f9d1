"""The outcome of a cell, from the evidence of its meeting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tests.faults.cells import Cell
from trackproof.checks import judge
from trackproof.checks.effects import FAULT_FREE_COUNTS, EffectCount
from trackproof.runs.evidence import Evidence
from trackproof.runs.progress import has_failed

Outcome = Literal["exact", "recovered", "WRONG", "not met", "not applicable", "error"]

NAMES: Final[Mapping[str, str]] = {
    "daily": r"daily|recordings?/|meetings?/",
    "modal": r"modal|transcri",
    "llm": r"llm|completions|model",
    "zulip": r"zulip|messages",
    "webhook": r"webhook",
    "s3": r"\bs3\b|object|audio|storage|bucket|\.webm|\.mp3|modal",
    "database": r"database|postgres|sql|psycopg|connection",
    "conductor": r"conductor",
    "redis": r"redis|connection",
    "work": r"disk|ENOSPC|no space",
}
"""How a reason names a service."""

TIME_OUT: Final = re.compile(r"time.?out|timed out", re.IGNORECASE)
SILENT: Final = frozenset({"hang", "drip", "limit"})
"""Kinds that make a worker silent, so that Conductor's own time-out may be the cause it gives."""


@dataclass(frozen=True, slots=True)
class CellResult:
    """What happened in one cell, with its evidence."""

    id: str
    task: str
    outcome: Outcome
    detail: str
    """The cause, or what is wrong."""
    workflow_id: str = ""
    status: str = ""
    """The workflow's, when it ended for the first time."""
    attempts: int = 0
    """Attempts at the cell's task, of all branches, with those of a repair."""
    met: int | None = None
    """Connections that met the fault; None if nobody can count."""
    effects: tuple[str, ...] = ()
    """Effects that were repeated, as the contract allows."""
    seconds: float = 0.0


def problems_of(evidence: Evidence, counts: Iterable[EffectCount]) -> list[str]:
    """Return what a completed meeting lacks, or has too often; empty if it is exact."""
    counts = list(counts)
    several = any(
        count.counted > 1 for count in counts if count.effect in {"Zulip messages", "webhooks"}
    )
    counted = (
        FAULT_FREE_COUNTS if several else FAULT_FREE_COUNTS - {"zulip.message", "webhook.signature"}
    )
    failed = [
        f"{check.id}: {check.detail}"
        for check in judge(evidence)
        if not (check.passed or check.not_visible or check.id in counted)
    ]
    return [*failed, *(str(count) for count in counts if not count.holds)]


def failures(workflow: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return reference, task id and reason of every task whose last attempt failed."""
    latest = {task["referenceTaskName"]: task for task in workflow["tasks"]}
    reasons: dict[str, list[str]] = {}
    for task in workflow["tasks"]:
        if reason := task.get("reasonForIncompletion"):
            reasons.setdefault(task["referenceTaskName"], []).append(str(reason))
    return [
        (reference, str(task["taskId"]), "; ".join(dict.fromkeys(reasons.get(reference, []))))
        for reference, task in latest.items()
        if task.get("taskType") != "JOIN"
        and (has_failed(task["status"]) or task["status"] == "COMPLETED_WITH_ERRORS")
    ]


def names_cause(cell: Cell, reasons: Sequence[str]) -> bool:
    """Return whether a reason names the service that failed.

    Where the worker itself was silent, killed or cut off from Conductor, only Conductor can give a
    reason: that nobody answered in time.
    """
    text = "\n".join(reasons)
    if cell.place in {"fleet", "server", "conductor"}:
        return bool(TIME_OUT.search(text) or re.search(NAMES["conductor"], text, re.IGNORECASE))
    if re.search(NAMES[cell.place], text, re.IGNORECASE):
        return True
    return cell.kind in SILENT and bool(TIME_OUT.search(text))

"""What became of each clause, with everything a person needs to see why."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "error", "deviates", "skipped"]
"""`error`: it could not be judged, which is no fault of the fleet's. `deviates`: it does not hold,
and the fleet's profile has an agreed deviation for it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One task as it was driven: what went in and what came out."""

    task: str
    workflow_id: str
    sent: str
    """The input, as JSON; cut where it is very long."""
    received: str
    statuses: tuple[str, ...]
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """One clause, judged."""

    id: str
    task: str
    text: str
    seed: str
    status: Status
    expected: str
    """Empty where the clause holds."""
    observed: str
    difference: str
    """A unified diff of both; empty where there is none to show."""
    exchanges: tuple[Exchange, ...]
    """What was driven in the failing test."""
    log: str
    """The fleet's own lines of that moment."""
    seconds: float
    test: str
    """The failing test, else the last one."""
    repeat: str
    """A command that repeats just this clause."""
    failure: str = ""
    """The id it is kept under, for `trackproof replay`; empty where it holds or is not kept."""

    @property
    def accepted(self) -> bool:
        """Whether the verdict can live with it."""
        return self.status not in {"failed", "error"}


@dataclass(frozen=True, slots=True)
class TaskVerdict:
    """The clauses of one task."""

    name: str
    clauses: tuple[ClauseResult, ...]

    @property
    def passed(self) -> int:
        """How many of them hold."""
        return sum(clause.status == "passed" for clause in self.clauses)

    @property
    def accepted(self) -> bool:
        """Whether the verdict can live with all of them."""
        return all(clause.accepted for clause in self.clauses)

    @property
    def seconds(self) -> float:
        """How long all of them took."""
        return round(sum(clause.seconds for clause in self.clauses), 3)


def failure_id(fleet: str, clause: str, test: str) -> str:
    """Return the id of a clause that fails in a test: stable, so it is stored once."""
    digest = hashlib.sha256(f"{fleet}\n{test}".encode()).hexdigest()
    return f"{clause}-{digest[:6]}"


def by_task(results: Sequence[ClauseResult]) -> tuple[TaskVerdict, ...]:
    """Return the results task by task, in the order they came."""
    tasks: dict[str, list[ClauseResult]] = {}
    for result in results:
        tasks.setdefault(result.task, []).append(result)
    return tuple(TaskVerdict(name, tuple(clauses)) for name, clauses in tasks.items())

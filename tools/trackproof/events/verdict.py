"""Results of clauses, with the evidence that explains each failure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["passed", "failed", "error", "deviates", "skipped"]
"""`error`: the suite itself failed, so the clause is not judged. `deviates`: the clause failed and
the fleet's profile declares a deviation for it."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One task run: its input and its output."""

    task: str
    workflow_id: str
    sent: str
    """The input as JSON, truncated if very long."""
    received: str
    statuses: tuple[str, ...]
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ClauseResult:
    """The result of one clause."""

    id: str
    task: str
    text: str
    seed: str
    status: Status
    expected: str
    """Empty if the clause passed."""
    observed: str
    difference: str
    """Unified diff of expected and observed; empty if they are not comparable."""
    exchanges: tuple[Exchange, ...]
    """The task runs of the failing test."""
    log: str
    """The fleet's log lines during the failing test."""
    seconds: float
    test: str
    """The failing test; the last one if none failed."""
    repeat: str
    """A command that runs only this clause."""
    failure: str = ""
    """Id of the stored failure, for `trackproof replay`; empty if none is stored."""
    replay: str = ""
    """A command that repeats the stored failure; empty if none is stored."""

    @property
    def accepted(self) -> bool:
        """Whether the clause does not fail the verdict."""
        return self.status not in {"failed", "error"}


@dataclass(frozen=True, slots=True)
class TaskVerdict:
    """The clause results of one task."""

    name: str
    clauses: tuple[ClauseResult, ...]

    @property
    def passed(self) -> int:
        """Number of clauses that passed."""
        return sum(clause.status == "passed" for clause in self.clauses)

    @property
    def accepted(self) -> bool:
        """Whether no clause fails the verdict."""
        return all(clause.accepted for clause in self.clauses)

    @property
    def seconds(self) -> float:
        """Total duration of all clauses."""
        return round(sum(clause.seconds for clause in self.clauses), 3)


def failure_id(fleet: str, clause: str, test: str) -> str:
    """Return a stable id, so that the same failure is stored once."""
    digest = hashlib.sha256(f"{fleet}\n{test}".encode()).hexdigest()
    return f"{clause}-{digest[:6]}"


def by_task(results: Sequence[ClauseResult]) -> tuple[TaskVerdict, ...]:
    """Group results by task, in order of first appearance."""
    tasks: dict[str, list[ClauseResult]] = {}
    for result in results:
        tasks.setdefault(result.task, []).append(result)
    return tuple(TaskVerdict(name, tuple(clauses)) for name, clauses in tasks.items())

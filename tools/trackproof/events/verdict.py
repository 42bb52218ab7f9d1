"""Results of clauses, with the evidence that explains each failure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["passed", "failed", "unsteady", "error", "skipped", "deviates", "not_visible"]
"""`unsteady`: failed, and passed when it ran again alone. `error`: the suite could not judge it.
`skipped`: it needs data that the fleet does not expose, and the profile does not say so.
`deviates`: failed, as a deviation in the profile declares. `not_visible`: it needs data that the
profile declares as not visible."""

ACCEPTED: Final = frozenset({"passed", "deviates", "not_visible"})
"""The statuses that do not fail a verdict."""


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
    also: tuple[str, ...] = ()
    """Further failing tests of the clause, each with its observation."""
    failure: str = ""
    """Id of the stored failure, for `trackproof replay`; empty if none is stored."""
    replay: str = ""
    """A command that repeats the stored failure; empty if none is stored."""
    audio: tuple[str, ...] = ()
    """Files of the failing test's audio: what the fleet was given and what it made of it."""
    line: int = 0
    """Line of the failing test in its file, counted from 0."""

    @property
    def judged(self) -> bool:
        """Whether the clause was judged, whatever the result."""
        return self.status not in {"error", "skipped", "not_visible"}

    @property
    def accepted(self) -> bool:
        """Whether the clause does not fail the verdict."""
        return self.status in ACCEPTED


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

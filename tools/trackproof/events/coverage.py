"""Coverage of a verification: clauses, tasks, workflow edges, events and endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

ENDS: Final = ("completed", "failed", "timed out", "retried")
"""Outcomes of a task attempt; `retried` counts the attempts that followed another one."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A known set of names, split into exercised and missing ones."""

    seen: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, known: Iterable[str], seen: Iterable[str]) -> Self:
        """Split `known`, keeping its order; unknown names in `seen` are ignored."""
        all_seen = frozenset(seen)
        names = tuple(dict.fromkeys(known))
        return cls(
            tuple(name for name in names if name in all_seen),
            tuple(name for name in names if name not in all_seen),
        )

    @property
    def total(self) -> int:
        """Number of known names."""
        return len(self.seen) + len(self.missing)

    @property
    def percent(self) -> float:
        """Share exercised, in percent; 100 for an empty set."""
        return 100.0 * len(self.seen) / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of an outside service."""

    service: str
    operation: str
    """Method and path, such as `GET /recordings/{id}`."""
    answers: Mapping[str, int]
    """Number of responses by HTTP status; `dropped` for a broken connection."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one verification exercised."""

    clauses: Covered
    """Judged clauses: those with a test that was not skipped."""
    tasks: Covered
    """Tasks that completed at least once."""
    edges: Covered
    """Workflow edges: one task completed and the next was scheduled, in a full pipeline run."""
    events: Covered
    """Events that the fleet emitted at least once."""
    ends: Mapping[str, Mapping[str, int]]
    """Number of attempts by task and outcome (`ENDS`)."""
    endpoints: tuple[Endpoint, ...]

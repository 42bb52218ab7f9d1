"""The shape of what was exercised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

ENDS: Final = ("completed", "failed", "timed out", "retried")
"""How an attempt at a task can end, and that one followed another."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A known set, parted into what was exercised and what was not."""

    seen: tuple[str, ...]
    missing: tuple[str, ...]

    @classmethod
    def of(cls, known: Iterable[str], seen: Iterable[str]) -> Self:
        """Part `known`, in its order; what is seen and not known is left out."""
        all_seen = frozenset(seen)
        names = tuple(dict.fromkeys(known))
        return cls(
            tuple(name for name in names if name in all_seen),
            tuple(name for name in names if name not in all_seen),
        )

    @property
    def total(self) -> int:
        """How many there are."""
        return len(self.seen) + len(self.missing)

    @property
    def percent(self) -> float:
        """How much was exercised; 100 where there is nothing to exercise."""
        return 100.0 * len(self.seen) / self.total if self.total else 100.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that an outside service can be asked."""

    service: str
    operation: str
    """Method and path, such as `GET /recordings/{id}`."""
    answers: Mapping[str, int]
    """How often it was answered with which status; `dropped` for a broken connection."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a verification has exercised."""

    clauses: Covered
    """Judged, that is neither skipped nor without a test."""
    tasks: Covered
    """Completed at least once."""
    edges: Covered
    """Of the workflow: one task completed and the next was scheduled, in one run of the whole."""
    events: Covered
    """Told by the fleet at least once."""
    ends: Mapping[str, Mapping[str, int]]
    """How often each task ended in each of `ENDS`."""
    endpoints: tuple[Endpoint, ...]

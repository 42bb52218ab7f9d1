"""Events of one verification of a fleet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackproof.events.coverage import Coverage
from trackproof.events.verdict import ClauseResult, TaskVerdict


@dataclass(frozen=True, slots=True)
class EnvironmentStarted:
    """The testbed stands and the fleet polls; clauses come next."""

    fleet: str
    profile: str
    """The fleet's profile as it was asked for: a file, or a name."""
    backend: str
    version: str
    database: str
    """What the fleet keeps its state in: sqlite or postgres."""
    time_scale: float
    id_seed: str
    """The seed of all ids (`trackproof.runs.ids`)."""
    places: Mapping[str, str]
    """Where everything is, by name."""
    clauses: tuple[str, ...]
    """What will be judged, in this order."""


@dataclass(frozen=True, slots=True)
class ClauseStarted:
    """The first test of a clause begins."""

    id: str


@dataclass(frozen=True, slots=True)
class ClauseFinished:
    """The last test of a clause has ended."""

    result: ClauseResult


@dataclass(frozen=True, slots=True)
class VerifyEnded:
    """The verdict on a fleet."""

    fleet: str
    backend: str
    version: str
    seconds: float
    """From the start of the run to its verdict, the server's start included."""
    tasks: tuple[TaskVerdict, ...]
    coverage: Coverage | None = None
    """What was really exercised; None where it was not asked."""
    shortfalls: tuple[str, ...] = ()
    """Where less was exercised than must be, a line each."""

    @property
    def held(self) -> bool:
        """Whether every clause holds or deviates as agreed, and enough was exercised."""
        return all(task.accepted for task in self.tasks) and not self.shortfalls

    def clause(self, name: str) -> ClauseResult:
        """Return how one clause stands.

        Raises:
            LookupError: It was not judged.
        """
        found = {clause.id: clause for task in self.tasks for clause in task.clauses}
        return found[name]


@dataclass(frozen=True, slots=True)
class EnvironmentKept:
    """The verdict is known and the testbed stands until Ctrl-C."""

    places: Mapping[str, str]
    """Where everything is, by name."""

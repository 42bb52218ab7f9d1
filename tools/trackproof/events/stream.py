"""What a run tells of itself, as it happens. Every report is a writer on this one stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from trackproof.events.coverage import Coverage
from trackproof.events.mutants import MutantResult
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.runs.progress import StepState


@dataclass(frozen=True, slots=True)
class Note:
    """One line on the environment."""

    text: str


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The workflow runs."""

    workflow_id: str
    tracks: int
    backend: str
    version: str


@dataclass(frozen=True, slots=True)
class StepsSeen:
    """The pipeline's steps as they stand now."""

    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the verdict rests on."""

    id: str
    passed: bool
    detail: str
    """What was seen, with figures."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The verdict."""

    status: str
    """The workflow's own status."""
    workflow_id: str
    tracks: int
    backend: str
    version: str
    seconds: float
    """From the start of the run to its verdict, the server's start included."""
    steps: tuple[StepState, ...]
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)


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
    names: str
    """The seed of all names (trackproof.runs.ids)."""
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


@dataclass(frozen=True, slots=True)
class MutantFinished:
    """A faulty fleet has been judged."""

    result: MutantResult


@dataclass(frozen=True, slots=True)
class MutantsEnded:
    """The verdict on the suite itself."""

    mutants: tuple[MutantResult, ...]
    toothless: tuple[str, ...]
    """Clauses that killed none, where all mutants were run."""
    sample: str
    """The seed that chose the mutants; empty where it was not left to chance."""
    seconds: float

    @property
    def alive(self) -> tuple[MutantResult, ...]:
        """The mutants that no clause saw."""
        return tuple(mutant for mutant in self.mutants if not mutant.killed)

    @property
    def killed(self) -> int:
        """How many were seen."""
        return len(self.mutants) - len(self.alive)

    @property
    def held(self) -> bool:
        """Whether the suite sees every bug, and every clause sees one."""
        return not self.alive and not self.toothless


Event = (
    Note
    | RunStarted
    | StepsSeen
    | Check
    | RunEnded
    | EnvironmentStarted
    | ClauseStarted
    | ClauseFinished
    | VerifyEnded
    | EnvironmentKept
    | MutantFinished
    | MutantsEnded
)


class Writer(Protocol):
    """Takes the stream."""

    def write(self, event: Event) -> None:
        """Take one event."""

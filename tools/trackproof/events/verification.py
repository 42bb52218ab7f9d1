"""Events of `trackproof verify`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trackproof.contracts.load import load_contracts
from trackproof.events.coverage import Coverage
from trackproof.events.verdict import ClauseResult, Status, TaskVerdict


@dataclass(frozen=True, slots=True)
class EnvironmentStarted:
    """The testbed is up and the fleet polls; clauses follow."""

    fleet: str
    profile: str
    """The fleet profile as given on the command line: a file or a name."""
    backend: str
    version: str
    database: str
    """Database kind of the fleet's state: sqlite or postgres."""
    time_scale: float
    id_seed: str
    """The seed of all ids (`trackproof.runs.ids`)."""
    addresses: Mapping[str, str]
    """Addresses and folders of the testbed, by name."""
    clauses: tuple[str, ...]
    """Ids of the clauses to run, in order."""


@dataclass(frozen=True, slots=True)
class ClauseStarted:
    """The first test of a clause has started."""

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
    """From the start of the command to the verdict, including the server's start."""
    tasks: tuple[TaskVerdict, ...]
    coverage: Coverage | None = None
    """None if coverage was not measured."""
    shortfalls: tuple[str, ...] = ()
    """One line for each part of the coverage that is below its floor."""
    interrupted: str = ""
    """Why the verification ended early; empty if it ran to its end."""

    serves: tuple[str, ...] = ()
    """Task types that the fleet serves, if its profile says that it serves a part."""

    @property
    def scope(self) -> str:
        """What was judged, in a sentence, of a fleet that serves a part; else empty."""
        if not self.serves:
            return ""
        contracts = load_contracts()
        judged = sum(len(task.clauses) for task in self.tasks)
        return (
            f"the fleet serves {len(self.serves)} of {len(contracts.tasks)} task types: "
            f"{judged} of {len(contracts.clauses)} clauses are judged"
        )

    @property
    def passed(self) -> bool:
        """Whether it ran to its end, no clause fails it and the coverage reaches its floor."""
        accepted = all(task.accepted for task in self.tasks)
        return accepted and not self.shortfalls and not self.interrupted

    @property
    def clauses(self) -> tuple[ClauseResult, ...]:
        """The results of all clauses."""
        return tuple(clause for task in self.tasks for clause in task.clauses)

    def count(self, *statuses: Status) -> int:
        """Return the number of clauses with one of these statuses."""
        return sum(clause.status in statuses for clause in self.clauses)

    @property
    def word(self) -> str:
        """The verdict in one word or three."""
        if self.interrupted:
            return "INTERRUPTED"
        if not self.passed:
            return "FAILED"
        return "HELD IN PART" if self.count("not_visible") else "HELD"

    @property
    def headline(self) -> str:
        """The verdict and its figures in one line, the same in every report."""
        total = len(self.clauses)
        rest = _counted(self, ("deviates", "deviate"), ("not_visible", "not visible"))
        failures = _counted(
            self,
            ("failed", "failed"),
            ("unsteady", "unsteady"),
            ("error", "not judged"),
            ("skipped", "skipped without a declaration"),
        )
        match self.word:
            case "INTERRUPTED":
                parts = [f"{sum(c.judged for c in self.clauses)} clauses judged", *failures]
            case "FAILED" if not failures:
                parts = ["coverage is below the floor"]
            case "FAILED":
                parts = [f"{', '.join(failures)} of {total} clauses", *rest]
            case "HELD":
                parts = [f"{self.count('passed')} of {total} clauses", *rest]
            case _:
                parts = [f"{sum(c.judged for c in self.clauses)} of {total} clauses judged", *rest]
        scope = f"; {self.scope}" if self.scope else ""
        return f"{self.word}: {', '.join(parts)}{scope}"

    def clause(self, name: str) -> ClauseResult:
        """Return the result of one clause.

        Raises:
            LookupError: The clause has no result.
        """
        results = {clause.id: clause for task in self.tasks for clause in task.clauses}
        return results[name]


@dataclass(frozen=True, slots=True)
class KeptRun:
    """Workflows that a kept server still has."""

    name: str
    """The clause that ran them, or `meeting`."""
    status: str
    """The clause's status, or the workflow's."""
    workflow_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EnvironmentKept:
    """The verdict is known and the testbed keeps running until Ctrl-C."""

    addresses: Mapping[str, str]
    """Addresses and folders of the testbed, by name."""
    runs: tuple[KeptRun, ...] = ()


def _counted(ended: VerifyEnded, *statuses: tuple[Status, str]) -> list[str]:
    return [f"{count} {text}" for status, text in statuses if (count := ended.count(status))]

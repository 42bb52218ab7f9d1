"""Comparison of repeated runs of the suite.

A clause whose status differs between repeats is either a flaky test or an intermittent fault of
the fleet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

VERDICT = "verdict"
"""Key of the overall verdict among the clause ids."""

NOT_RUN = "could not run"
MISSING = "not judged"


@dataclass(frozen=True, slots=True)
class Repeat:
    """The result of one run of the suite."""

    number: int
    """Counts from 1."""
    statuses: Mapping[str, str]
    """Status by clause id, and the verdict under `VERDICT`."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """Stored failures by clause id."""

    @classmethod
    def of_report(cls, number: int, report: Mapping[str, Any], failures: Path) -> Self:
        """Read the JSON report of `trackproof verify`.

        Args:
            number: The number of the repeat.
            report: The report.
            failures: The folder of its stored failures.
        """
        clauses = [clause for task in report["tasks"] for clause in task["clauses"]]
        return cls(
            number,
            {VERDICT: report["verdict"]} | {clause["id"]: clause["status"] for clause in clauses},
            {
                clause["id"]: failures / f"{clause['failure']}.json"
                for clause in clauses
                if clause.get("failure")
            },
        )

    @classmethod
    def not_run(cls, number: int, output: Path) -> Self:
        """Return a repeat without a verdict; `output` is the file with its output."""
        return cls(number, {VERDICT: NOT_RUN}, {VERDICT: output})

    def __str__(self) -> str:
        passed = list(self.statuses.values()).count("passed")
        return f"repeat {self.number}: {self.statuses[VERDICT]}, {passed} clauses passed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A clause, or the verdict, whose status differs between repeats."""

    name: str
    repeats: Mapping[str, tuple[int, ...]]
    """Numbers of the repeats by status."""
    files: tuple[Path, ...]
    """The stored failures."""

    def __str__(self) -> str:
        groups = sorted(self.repeats.items(), key=lambda group: len(group[1]), reverse=True)
        statuses = "; ".join(
            f"{status} in {', '.join(map(str, numbers))}" for status, numbers in groups
        )
        return "\n".join([f"{self.name}: {statuses}", *(f"  see {path}" for path in self.files)])


def differences(repeats: Sequence[Repeat]) -> list[Difference]:
    """Return the differences between repeats, the verdict first."""
    names = dict.fromkeys(name for repeat in repeats for name in repeat.statuses)
    diffs = []
    for name in names:
        by_status: dict[str, list[int]] = defaultdict(list)
        for repeat in repeats:
            by_status[repeat.statuses.get(name, MISSING)].append(repeat.number)
        if len(by_status) > 1:
            files = tuple(repeat.files[name] for repeat in repeats if name in repeat.files)
            numbers = {status: tuple(group) for status, group in by_status.items()}
            diffs.append(Difference(name, numbers, files))
    return diffs


def last_line(repeats: Sequence[Repeat], diffs: Sequence[Difference]) -> str:
    """Return the result of the series in one line."""
    if not diffs:
        statuses = repeats[0].statuses
        count = len(statuses) - 1
        return f"{len(repeats)} equal verdicts: {statuses[VERDICT]}, {count} clauses unchanged"
    names = ", ".join(difference.name for difference in diffs)
    return f"NOT EQUAL: {len(repeats)} repeats differ in {names}"

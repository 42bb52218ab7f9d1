"""One suite, run many times: do the repeats say the same?

A clause that holds in one repeat and not in another is a false alarm, or a fault that shows only
now and then: either way somebody must look at it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

VERDICT = "verdict"
"""What stands for the whole, among the clauses."""

NOT_RUN = "could not run"
MISSING = "not judged"


@dataclass(frozen=True, slots=True)
class Repeat:
    """What one run of the suite said."""

    number: int
    """Counted from 1."""
    statuses: Mapping[str, str]
    """Each clause's status by its id, and the verdict."""
    kept: Mapping[str, Path] = field(default_factory=dict)
    """Where it is kept what did not hold, by clause."""

    @classmethod
    def of_report(cls, number: int, report: Mapping[str, Any], failures: Path) -> Self:
        """Read the JSON report of `trackproof verify`.

        Args:
            number: Which repeat it is.
            report: The report.
            failures: The folder that its failures were kept in.
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
        """Stand for a run that came to no verdict; `output` is the file of what it said."""
        return cls(number, {VERDICT: NOT_RUN}, {VERDICT: output})

    def __str__(self) -> str:
        held = list(self.statuses.values()).count("passed")
        return f"repeat {self.number}: {self.statuses[VERDICT]}, {held} clauses hold"


@dataclass(frozen=True, slots=True)
class Difference:
    """A clause, or the verdict, that is not the same in all repeats."""

    about: str
    repeats: Mapping[str, tuple[int, ...]]
    """The numbers of the repeats by what they say."""
    kept: tuple[Path, ...]
    """Where it is kept what did not hold."""

    def __str__(self) -> str:
        said = sorted(self.repeats.items(), key=lambda one: len(one[1]), reverse=True)
        told = "; ".join(f"{status} in {', '.join(map(str, where))}" for status, where in said)
        return "\n".join([f"{self.about}: {told}", *(f"  kept in {path}" for path in self.kept)])


def differences(repeats: Sequence[Repeat]) -> list[Difference]:
    """Return what is not the same in all repeats, the verdict first."""
    names = dict.fromkeys(name for repeat in repeats for name in repeat.statuses)
    found = []
    for name in names:
        by_status: dict[str, list[int]] = defaultdict(list)
        for repeat in repeats:
            by_status[repeat.statuses.get(name, MISSING)].append(repeat.number)
        if len(by_status) > 1:
            kept = tuple(repeat.kept[name] for repeat in repeats if name in repeat.kept)
            told = {status: tuple(numbers) for status, numbers in by_status.items()}
            found.append(Difference(name, told, kept))
    return found


def last_line(repeats: Sequence[Repeat], found: Sequence[Difference]) -> str:
    """Return the outcome as one line."""
    if not found:
        statuses = repeats[0].statuses
        told = f"{len(statuses) - 1} clauses with the same status each"
        return f"{len(repeats)} equal verdicts: {statuses[VERDICT]}, {told}"
    names = ", ".join(one.about for one in found)
    return f"NOT EQUAL: {len(repeats)} repeats differ in {names}"

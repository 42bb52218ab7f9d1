"""Results of generated faults: the file that a run continues, and the table by task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.mutants.generated.scope import row_of
from tests.mutants.generated.triage import Triage

Outcome = Literal["killed", "survived", "unclear", "does not start"]


@dataclass(frozen=True, slots=True)
class FaultResult:
    """One fault after its clauses have run."""

    id: str
    module: str
    change: str
    outcome: Outcome
    """`unclear`: no clause failed, but one could not be judged; it kills nothing."""
    failed: tuple[str, ...]
    """The first clause that failed."""
    remark: str
    seconds: float


class ResultFile:
    """One JSON object a line for each fault, the newest last."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, FaultResult]:
        """Return the newest result of each fault."""
        if not self._path.exists():
            return {}
        lines = map(json.loads, self._path.read_text(encoding="utf-8").splitlines())
        return {
            line["id"]: FaultResult(**{**line, "failed": tuple(line["failed"])}) for line in lines
        }

    def append(self, result: FaultResult) -> None:
        """Add a result."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(result), ensure_ascii=False) + "\n")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    name: str
    killed: int
    does_not_start: int
    equivalent: int
    outside: int
    holes: int
    untriaged: int

    @property
    def score(self) -> float | None:
        """Percent killed of those that start and are not equivalent; None if there are none."""
        return self._share(self.outside)

    @property
    def score_in_contracts(self) -> float | None:
        """The same without those that no contract speaks of."""
        return self._share(0)

    def _share(self, outside: int) -> float | None:
        counted = self.killed + self.holes + self.untriaged + outside
        return 100 * self.killed / counted if counted else None


def table(results: Sequence[FaultResult], triage: Triage) -> list[Row]:
    """Return a row for each task that has results, and one for all."""
    names = sorted({row_of(result.module) for result in results})
    rows = [
        _row(name, [one for one in results if row_of(one.module) == name], triage) for name in names
    ]
    return [*rows, _row("all", results, triage)]


def _row(name: str, results: Iterable[FaultResult], triage: Triage) -> Row:
    counts = dict.fromkeys(
        ("killed", "does not start", "equivalent", "outside", "hole", "untriaged"), 0
    )
    for result in results:
        if result.outcome in {"survived", "unclear"}:
            counts[triage.verdict(result.id) or "untriaged"] += 1
        else:
            counts[result.outcome] += 1
    return Row(name, *counts.values())


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table for docs/conformance.md."""
    lines = [
        "| task | killed | does not start | equivalent | outside | hole | untriaged | score "
        "| in contracts |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (
            *(row.name, row.killed, row.does_not_start, row.equivalent),
            *(row.outside, row.holes, row.untriaged),
            *map(_percent, (row.score, row.score_in_contracts)),
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0f} %"

"""A verdict as one self-contained page for people: on a fleet, or on the suite itself."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from trackproof.contracts.load import load_contracts
from trackproof.events.coverage import ENDS
from trackproof.events.mutants import MutantsEnded
from trackproof.events.stream import Event
from trackproof.events.verification import VerifyEnded
from trackproof.report.pages import rendered
from trackproof.report.report_file import ReportFile


class HtmlFile(ReportFile):
    """Writes the page once the verdict is known."""

    def write(self, event: Event) -> None:
        """Write the verdict; all else is no business of this page's."""
        match event:
            case VerifyEnded():
                self._path.write_text(page(event, datetime.now(UTC)), encoding="utf-8")
            case MutantsEnded():
                self._path.write_text(mutants_page(event, datetime.now(UTC)), encoding="utf-8")
            case _:
                pass


def page(ended: VerifyEnded, now: datetime) -> str:
    """Return the page of a verdict that was given at `now`."""
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    failing = [clause for clause in clauses if not clause.accepted]
    lesser = [clause for clause in clauses if clause.status in {"deviates", "skipped"}]
    return rendered(
        "verify.html.j2",
        ended=ended,
        verdict="HELD" if ended.held else "FAILED",
        headline=_headline(ended),
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        failing=failing,
        lesser=lesser,
        ends=ENDS,
    )


def mutants_page(ended: MutantsEnded, now: datetime) -> str:
    """Return the table mutant × clause as a page, a table a task."""
    return rendered(
        "mutants.html.j2",
        ended=ended,
        verdict="HELD" if ended.held else "FAILED",
        ended_at=f"{now:%Y-%m-%d %H:%M} UTC",
        tasks=_by_task(ended),
    )


def _by_task(ended: MutantsEnded) -> list[dict[str, object]]:
    tables: list[dict[str, object]] = []
    for task in dict.fromkeys(mutant.task for mutant in ended.mutants):
        mutants = [mutant for mutant in ended.mutants if mutant.task == task]
        clauses = [clause.id for clause in load_contracts().clauses if clause.task == task]
        kills = Counter(name for one in mutants if one.killed for name in one.failed)
        tables.append({"name": task, "mutants": mutants, "clauses": clauses, "kills": kills})
    return tables


def _headline(ended: VerifyEnded) -> str:
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    if failing := sum(not clause.accepted for clause in clauses):
        return f"{failing} of {len(clauses)} clauses do not hold"
    if ended.shortfalls:
        return "too little was exercised"
    return f"{sum(task.passed for task in ended.tasks)} of {len(clauses)} clauses hold"

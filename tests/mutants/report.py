"""Reports of a mutant run: terminal lines, a JSON file and an HTML page."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tests.mutants.results import MutantEvent, MutantFinished, MutantResult, MutantsEnded
from trackproof.contracts.load import load_contracts
from trackproof.events.stream import Note
from trackproof.report.output import ReportFile, write_json
from trackproof.report.pages import render
from trackproof.report.terminal.printable import one_line

PAGES = Path(__file__).parent / "pages"


class MutantsTerminal:
    """Writes one line for each mutant, then the verdict on the suite."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, event: MutantEvent) -> None:
        match event:
            case Note():
                self._print(Text(one_line(event.text), style="dim"))
            case MutantFinished():
                self._print(_line(event.result))
            case MutantsEnded():
                self._print(_verdict(event))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


class MutantsJsonFile(ReportFile):
    """Writes the table mutant × clause once all mutants have run."""

    def write(self, event: MutantEvent) -> None:
        if isinstance(event, MutantsEnded):
            mutants = [{**asdict(mutant), "killed": mutant.killed} for mutant in event.mutants]
            content = {
                "mutants": mutants,
                "clauses_that_killed_none": list(event.ineffective),
                "sample": event.sample,
                "seconds": event.seconds,
            }
            write_json(self._path, content)


class MutantsHtmlFile(ReportFile):
    """Writes the table mutant × clause as a page, with one table for each task."""

    def write(self, event: MutantEvent) -> None:
        if isinstance(event, MutantsEnded):
            page = render(
                "mutants.html.j2",
                extra_folder=PAGES,
                ended=event,
                verdict="PASSED" if event.passed else "FAILED",
                ended_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
                tasks=_tables(event),
            )
            self._path.write_text(page, encoding="utf-8")


def _line(mutant: MutantResult) -> Text:
    mark, style = ("✓", "green") if mutant.killed else ("✗", "red")
    failed = one_line(mutant.remark) or ", ".join(mutant.failed) or "no clause"
    return Text.assemble(
        (mark, style), f" {mutant.id:<40} {mutant.seconds:5.1f} s  failed: {failed}"
    )


def _verdict(ended: MutantsEnded) -> Text:
    lines = [
        f"{ended.killed} of {len(ended.mutants)} mutants killed, {ended.seconds:.0f} s",
        *(f"SURVIVED: {mutant.id}" for mutant in ended.survivors),
        *(f"KILLS NO MUTANT: {name}" for name in ended.ineffective),
    ]
    return Text("\n".join(lines), style="bold green" if ended.passed else "bold red")


def _tables(ended: MutantsEnded) -> list[dict[str, object]]:
    tables: list[dict[str, object]] = []
    for task in dict.fromkeys(mutant.task for mutant in ended.mutants):
        mutants = [mutant for mutant in ended.mutants if mutant.task == task]
        clauses = [clause.id for clause in load_contracts().clauses if clause.task == task]
        kills = Counter(name for one in mutants if one.killed for name in one.failed)
        tables.append({"name": task, "mutants": mutants, "clauses": clauses, "kills": kills})
    return tables

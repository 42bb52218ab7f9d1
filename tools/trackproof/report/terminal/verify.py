"""Terminal output of `trackproof verify`: one line for each task, details for failed clauses."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trackproof.events.stream import Event, Note
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import (
    ClauseFinished,
    ClauseStarted,
    EnvironmentKept,
    EnvironmentStarted,
    VerifyEnded,
)
from trackproof.report.terminal.kept import kept_text
from trackproof.report.terminal.marks import VERDICT_STYLES
from trackproof.report.terminal.printable import escape_controls, one_line
from trackproof.report.terminal.progress_line import ProgressLine
from trackproof.suite.assertions import shortened

MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "unsteady": ("~", "red"),
    "error": ("!", "red"),
    "skipped": ("?", "red"),
    "deviates": ("≈", "yellow"),
    "not_visible": ("–", "yellow"),
}
DIFFERENCE_LINES = 20
LOG_LINES = 12
EXCHANGE_CHARACTERS = 1_000


class VerifyTerminal:
    """Writes a line for each task as it ends; shows meanwhile which clause runs."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._results: dict[str, list[ClauseResult]] = {}
        self._expected_counts: dict[str, int] = {}
        self._progress: ProgressLine | None = None

    def write(self, event: Event) -> None:
        """Write the lines of an event."""
        match event:
            case Note():
                self._print(Text(one_line(event.text), style="dim"))
            case EnvironmentStarted():
                for name in event.clauses:
                    task = name.partition(".")[0]
                    self._expected_counts[task] = self._expected_counts.get(task, 0) + 1
                self._print(
                    Text(
                        f"fleet {one_line(event.fleet)}  {len(event.clauses)} clauses  "
                        f"Conductor {one_line(event.version)} ({event.backend})",
                        style="bold",
                    )
                )
                self._progress = ProgressLine(self._console, len(event.clauses))
                self._progress.start()
            case ClauseStarted() if self._progress:
                self._progress.begin(event.id)
            case ClauseFinished():
                self._add_result(event.result)
                if self._progress:
                    self._progress.finish()
            case VerifyEnded():
                if self._progress:
                    self._progress.stop()
                if event.clauses or not event.interrupted:  # else the error says it all
                    self._print(_verdict(event))
            case EnvironmentKept():
                self._print(kept_text(event))
            case _:
                pass

    def _add_result(self, result: ClauseResult) -> None:
        results = self._results.setdefault(result.task, [])
        results.append(result)
        if len(results) == self._expected_counts.get(result.task):
            verdict = TaskVerdict(result.task, tuple(results))
            self._print(_task_line(verdict))
            for clause in verdict.clauses:
                if clause.status != "passed":
                    self._print(_clause(clause))

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _task_line(task: TaskVerdict) -> Text:
    mark, style = MARKS["passed" if task.accepted else "failed"]
    return Text.assemble(
        (f"{mark} ", style),
        (f"{task.name:<28}", "bold"),
        f" {task.passed:>2}/{len(task.clauses):<2} {task.seconds:6.1f} s",
    )


def _clause(clause: ClauseResult) -> Text:
    mark, style = MARKS[clause.status]
    lines = [
        f"  {mark} {clause.id}  {clause.text} ({clause.seed})",
        *([f"      expected  {one_line(clause.expected)}"] if clause.expected else []),
        *([f"      observed  {one_line(clause.observed)}"] if clause.observed else []),
    ]
    for exchange in clause.exchanges[-1:]:
        lines.append(f"      sent      {_brief(exchange.sent)}")
        statuses = ", ".join(exchange.statuses)
        reason = f" – {one_line(exchange.reason)}" if exchange.reason else ""
        lines.append(f"      received  {_brief(exchange.received)} ({statuses}{reason})")
    lines += [f"      also      {one_line(other)}" for other in clause.also]
    lines += [f"      {line}" for line in _first(clause.difference, DIFFERENCE_LINES)]
    lines += [f"      log | {line}" for line in _last(clause.log, LOG_LINES)]
    if not clause.accepted:
        lines.append(f"      repeat    {clause.repeat}")
    if clause.replay:
        lines.append(f"      replay    {clause.replay}")
    return Text("\n".join(map(escape_controls, lines)), style=style)


def _brief(text: str) -> str:
    return one_line(shortened(text, EXCHANGE_CHARACTERS))


def _first(text: str, limit: int) -> list[str]:
    return text.splitlines()[:limit]


def _last(text: str, limit: int) -> list[str]:
    return text.splitlines()[-limit:]


def _verdict(ended: VerifyEnded) -> Text:
    failed = [clause.id for clause in ended.clauses if not clause.accepted]
    lines = [f"{ended.headline}, {ended.seconds:.1f} s"]
    lines += [f"  {name}" for name in failed]
    lines += [f"  {line}" for line in ended.shortfalls]
    return Text("\n".join(map(escape_controls, lines)), style=VERDICT_STYLES[ended.word])

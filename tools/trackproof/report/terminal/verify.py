"""The verdict on a fleet for a person: a line a task, and every failing clause in full."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trackproof.events.stream import Event, Note
from trackproof.events.verdict import ClauseResult, TaskVerdict
from trackproof.events.verification import (
    ClauseFinished,
    EnvironmentKept,
    EnvironmentStarted,
    VerifyEnded,
)
from trackproof.report.terminal.printable import harmless, on_one_line
from trackproof.suite.assertions import shortened

MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "error": ("!", "red"),
    "deviates": ("≈", "yellow"),
    "skipped": ("–", "yellow"),
}
DIFFERENCE_LINES = 20
LOG_LINES = 12
EXCHANGE_CHARACTERS = 1_000


class VerifyTerminal:
    """Writes plain lines as clauses end: the same on a terminal, in a log and in a pipe."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._waiting: dict[str, list[ClauseResult]] = {}
        self._expected: dict[str, int] = {}

    def write(self, event: Event) -> None:
        """Write what is new."""
        match event:
            case Note():
                self._print(Text(on_one_line(event.text), style="dim"))
            case EnvironmentStarted():
                for name in event.clauses:
                    task = name.partition(".")[0]
                    self._expected[task] = self._expected.get(task, 0) + 1
                self._print(
                    Text(
                        f"fleet {on_one_line(event.fleet)}  {len(event.clauses)} clauses  "
                        f"Conductor {on_one_line(event.version)} ({event.backend})",
                        style="bold",
                    )
                )
            case ClauseFinished():
                self._take(event.result)
            case VerifyEnded():
                self._print(_verdict(event))
            case EnvironmentKept():
                self._print(_places(event))
            case _:
                pass

    def _take(self, result: ClauseResult) -> None:
        waiting = self._waiting.setdefault(result.task, [])
        waiting.append(result)
        if len(waiting) == self._expected.get(result.task):
            verdict = TaskVerdict(result.task, tuple(waiting))
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
        *([f"      expected  {on_one_line(clause.expected)}"] if clause.expected else []),
        *([f"      observed  {on_one_line(clause.observed)}"] if clause.observed else []),
    ]
    for exchange in clause.exchanges[-1:]:
        lines.append(f"      sent      {_brief(exchange.sent)}")
        statuses = ", ".join(exchange.statuses)
        reason = f" – {on_one_line(exchange.reason)}" if exchange.reason else ""
        lines.append(f"      received  {_brief(exchange.received)} ({statuses}{reason})")
    lines += [f"      {line}" for line in _first(clause.difference, DIFFERENCE_LINES)]
    lines += [f"      log | {line}" for line in _last(clause.log, LOG_LINES)]
    if not clause.accepted:
        lines.append(f"      repeat    {clause.repeat}")
    if clause.failure:
        lines.append(f"      replay    trackproof replay {clause.failure}")
    return Text("\n".join(map(harmless, lines)), style=style)


def _brief(text: str) -> str:
    return on_one_line(shortened(text, EXCHANGE_CHARACTERS))


def _first(text: str, limit: int) -> list[str]:
    return text.splitlines()[:limit]


def _last(text: str, limit: int) -> list[str]:
    return text.splitlines()[-limit:]


def _verdict(ended: VerifyEnded) -> Text:
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    passed = sum(task.passed for task in ended.tasks)
    failed = [clause.id for clause in clauses if not clause.accepted]
    others = len(clauses) - passed - len(failed)
    more = f", {others} deviating or skipped" if others else ""
    if ended.shortfalls and not failed:
        return Text("\n".join(["FAILED: too little was exercised", *ended.shortfalls]), "bold red")
    if not failed:
        return Text(
            f"HELD: {passed} of {len(clauses)} clauses{more}, {ended.seconds:.1f} s",
            style="bold green",
        )
    return Text(
        f"FAILED: {len(failed)} of {len(clauses)} clauses ({', '.join(failed)}){more}, "
        f"{ended.seconds:.1f} s",
        style="bold red",
    )


def _places(kept: EnvironmentKept) -> Text:
    lines = [f"  {name:<10} {on_one_line(place)}" for name, place in kept.places.items()]
    return Text("\n".join(["The testbed stands until Ctrl-C:", *lines]))

"""Terminal output of `trackproof verify`: one line for each task, details for failed clauses."""

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
from trackproof.report.terminal.printable import escape_controls, one_line
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
    """Writes plain lines as clauses finish: on a terminal, in a log and in a pipe."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console
        self._results: dict[str, list[ClauseResult]] = {}
        self._expected_counts: dict[str, int] = {}

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
            case ClauseFinished():
                self._add_result(event.result)
            case VerifyEnded():
                self._print(_verdict(event))
            case EnvironmentKept():
                self._print(_testbed(event))
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
    clauses = [clause for task in ended.tasks for clause in task.clauses]
    passed = sum(task.passed for task in ended.tasks)
    failed = [clause.id for clause in clauses if not clause.accepted]
    excused = len(clauses) - passed - len(failed)
    more = f", {excused} deviating or skipped" if excused else ""
    scope = f"\n{ended.scope}" if ended.scope else ""
    if ended.shortfalls and not failed:
        return Text(
            "\n".join(["FAILED: coverage is below the floor", *ended.shortfalls]), "bold red"
        )
    if not failed:
        return Text(
            f"PASSED: {passed} of {len(clauses)} clauses{more}, {ended.seconds:.1f} s{scope}",
            style="bold green",
        )
    return Text(
        f"FAILED: {len(failed)} of {len(clauses)} clauses ({', '.join(failed)}){more}, "
        f"{ended.seconds:.1f} s{scope}",
        style="bold red",
    )


def _testbed(kept: EnvironmentKept) -> Text:
    lines = [f"  {name:<10} {one_line(value)}" for name, value in kept.addresses.items()]
    return Text("\n".join(["The testbed runs until Ctrl-C:", *lines]))

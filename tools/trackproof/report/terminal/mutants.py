"""Faulty fleets for a person: a line a mutant, then what is wrong with the suite."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from trackproof.events.mutants import MutantFinished, MutantResult, MutantsEnded
from trackproof.events.stream import Event, Note
from trackproof.report.terminal.printable import on_one_line


class MutantsTerminal:
    """Writes plain lines: the same on a terminal, in a log and in a pipe."""

    def __init__(self, console: Console) -> None:
        """Write to `console`."""
        self._console = console

    def write(self, event: Event) -> None:
        """Write what is new."""
        match event:
            case Note():
                self._print(Text(on_one_line(event.text), style="dim"))
            case MutantFinished():
                self._print(_line(event.result))
            case MutantsEnded():
                self._print(_verdict(event))
            case _:
                pass

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _line(mutant: MutantResult) -> Text:
    mark, style = ("✓", "green") if mutant.killed else ("✗", "red")
    by = on_one_line(mutant.remark) or ", ".join(mutant.failed) or "nothing"
    return Text.assemble((mark, style), f" {mutant.id:<40} {mutant.seconds:5.1f} s  failed: {by}")


def _verdict(ended: MutantsEnded) -> Text:
    lines = [
        f"{ended.killed} of {len(ended.mutants)} mutants killed, {ended.seconds:.0f} s",
        *(f"STILL ALIVE: {mutant.id}" for mutant in ended.alive),
        *(f"KILLS NOBODY: {name}" for name in ended.toothless),
    ]
    return Text("\n".join(lines), style="bold green" if ended.held else "bold red")

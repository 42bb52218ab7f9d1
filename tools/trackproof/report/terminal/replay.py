"""Kept failures for a person: which there are, and how one stands now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from trackproof.report.terminal.printable import on_one_line
from trackproof.verify.failure_store import Failure
from trackproof.verify.replay import Replay

OBSERVED_CHARACTERS = 120


def listed(failures: Sequence[Failure]) -> Text:
    """Return a line a failure."""
    if not failures:
        return Text("no failing clause is kept here")
    lines = [
        f"{failure.id}  {failure.stored_at}  {on_one_line(failure.fleet)}\n"
        f"    {on_one_line(failure.observed)[:OBSERVED_CHARACTERS]}"
        for failure in failures
    ]
    return Text("\n".join(lines))


def told(replay: Replay) -> Text:
    """Return the verdict, in one line."""
    if replay.fixed:
        return Text(f"FIXED: {replay.failure.id}", style="bold green")
    return Text(f"STILL FAILING: {replay.failure.id}", style="bold red")

"""Terminal output of `trackproof replay`: stored failures and the result of a replay."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from trackproof.report.terminal.printable import one_line
from trackproof.verify.failure_store import Failure
from trackproof.verify.replay import Replay

OBSERVED_CHARACTERS = 120


def format_failures(failures: Sequence[Failure]) -> Text:
    """Return a list of stored failures."""
    if not failures:
        return Text("no stored failures")
    lines = [
        f"{failure.id}  {failure.stored_at}  {one_line(failure.fleet)}\n"
        f"    {one_line(failure.observed)[:OBSERVED_CHARACTERS]}"
        for failure in failures
    ]
    return Text("\n".join(lines))


def format_replay(replay: Replay) -> Text:
    """Return the result of a replay in one line."""
    if replay.fixed:
        return Text(f"FIXED: {replay.failure.id}", style="bold green")
    return Text(f"STILL FAILING: {replay.failure.id}", style="bold red")

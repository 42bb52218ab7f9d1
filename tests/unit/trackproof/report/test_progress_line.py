"""The progress of a verification, live on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from trackproof.report.terminal.progress_line import ProgressLine
from trackproof.wait import wait_until


def test_plain_output_gets_a_line_in_each_interval() -> None:
    output = io.StringIO()
    progress = ProgressLine(Console(file=output, _environ={}), 131, plain_seconds=0.01)
    progress.begin("pad_track.offset")
    progress.finish()

    progress.start()
    wait_until(lambda: len(output.getvalue().splitlines()) > 1, what="two lines", timeout=10)
    progress.stop()

    assert output.getvalue().startswith("… pad_track.offset  clause 2 of 131, 0 s\n")


def test_a_terminal_gets_one_line_that_goes_at_the_end() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, _environ={})
    progress = ProgressLine(console, 3)
    progress.begin("finalize.status")

    progress.start()
    progress.stop()

    assert "finalize.status  clause 1 of 3" in output.getvalue()
    assert output.getvalue().endswith("\x1b[2K")


def test_the_last_clause_is_never_exceeded() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=80, _environ={})
    progress = ProgressLine(console, 1)
    progress.finish()

    progress.start()
    progress.stop()

    assert "clause 1 of 1" in output.getvalue()

"""Progress of a verification: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import threading
import time

from rich.console import Console
from rich.live import Live
from rich.text import Text

PLAIN_SECONDS = 10.0
"""Between two lines where the output is no terminal."""


class ProgressLine:
    """Shows which clause runs; `start` and `stop` enclose a verification."""

    def __init__(
        self, console: Console, total: int, *, plain_seconds: float = PLAIN_SECONDS
    ) -> None:
        """Show nothing yet.

        Args:
            console: Where to.
            total: Number of clauses.
            plain_seconds: Interval of the plain lines.
        """
        self._console = console
        self._total = total
        self._plain_seconds = plain_seconds
        self._began = time.monotonic()
        self._finished = 0
        self._clause = ""
        self._stopped = threading.Event()
        self._live = (
            Live(console=console, get_renderable=self._line, transient=True)
            if console.is_terminal
            else None
        )
        self._thread = threading.Thread(target=self._print_lines, daemon=True)

    def start(self) -> None:
        """Begin to show the line."""
        (self._live or self._thread).start()

    def stop(self) -> None:
        """Remove the line, or end the plain lines."""
        self._stopped.set()
        if self._live is not None:
            self._live.stop()
        else:
            self._thread.join()

    def begin(self, clause: str) -> None:
        """Show a clause that has started."""
        self._clause = clause

    def finish(self) -> None:
        """Count a clause that has ended."""
        self._finished += 1

    def _line(self) -> Text:
        elapsed = time.monotonic() - self._began
        number = min(self._finished + 1, self._total)
        text = f"… {self._clause}  clause {number} of {self._total}, {elapsed:.0f} s"
        return Text(text, style="dim", no_wrap=True, overflow="ellipsis")

    def _print_lines(self) -> None:
        while not self._stopped.wait(self._plain_seconds):
            self._console.print(self._line(), soft_wrap=True)

"""NDJSON report: one JSON object for each event, as it happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from trackproof.events.lines import event_as_json
from trackproof.events.runs import AttemptsSeen, ResultSeen
from trackproof.events.stream import Event
from trackproof.report.output import STANDARD_OUTPUT, ReportFile, move_aside, print_report


class NdjsonFile(ReportFile):
    """Appends each event at once, so that `tail -f` can follow."""

    def __init__(self, path: Path) -> None:
        """Start a new file; an older one becomes `<name>.previous`.

        Raises:
            UsageError: `path` is not writable.
        """
        super().__init__(path)
        if path != STANDARD_OUTPUT:
            move_aside(path)
            path.write_bytes(b"")

    def write(self, event: Event) -> None:
        """Append one line: `event`, `at`, then the event's fields."""
        if isinstance(event, AttemptsSeen | ResultSeen):
            return  # for pages, which a program reads from the kept run
        line = json.dumps(event_as_json(event, datetime.now(UTC)), default=str)
        if self._path == STANDARD_OUTPUT:
            print_report(f"{line}\n")
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

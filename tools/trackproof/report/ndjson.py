"""NDJSON report: one JSON object for each event, as it happens."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from trackproof.events.stream import Event
from trackproof.report.output import STANDARD_OUTPUT, ReportFile, move_aside, print_report

BEFORE_CAPITALS = re.compile(r"(?<!^)(?=[A-Z])")


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
        name = BEFORE_CAPITALS.sub("_", type(event).__name__).lower()
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"event": name, "at": at, **asdict(event)}, default=str)
        if self._path == STANDARD_OUTPUT:
            print_report(f"{line}\n")
            return
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

"""Every event as it happens, a JSON object a line: for programs that follow a run."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from trackproof.events.stream import Event
from trackproof.report.report_file import ReportFile

BEFORE_CAPITALS = re.compile(r"(?<!^)(?=[A-Z])")


class NdjsonFile(ReportFile):
    """Adds a line for each event at once, so that it can be followed with `tail -f`."""

    def __init__(self, path: Path) -> None:
        """Begin an empty file.

        Raises:
            UsageError: It cannot be written.
        """
        super().__init__(path)
        path.write_bytes(b"")

    def write(self, event: Event) -> None:
        """Add one line: `event`, `at`, then the event's own fields."""
        name = BEFORE_CAPITALS.sub("_", type(event).__name__).lower()
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"event": name, "at": at, **asdict(event)}, default=str)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

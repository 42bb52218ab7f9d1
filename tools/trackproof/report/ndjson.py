"""NDJSON report: one JSON object for each event, as it happens."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from trackproof.events.stream import Event
from trackproof.report.output import ReportFile, move_aside

BEFORE_CAPITALS = re.compile(r"(?<!^)(?=[A-Z])")


class NdjsonFile(ReportFile):
    """Appends each event at once, so that `tail -f` can follow."""

    def __init__(self, path: Path) -> None:
        """Start a new file; an older one becomes `<name>.previous`.

        Raises:
            UsageError: `path` is not writable.
        """
        super().__init__(path)
        move_aside(path)
        path.write_bytes(b"")

    def write(self, event: Event) -> None:
        """Append one line: `event`, `at`, then the event's fields."""
        name = BEFORE_CAPITALS.sub("_", type(event).__name__).lower()
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"event": name, "at": at, **asdict(event)}, default=str)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

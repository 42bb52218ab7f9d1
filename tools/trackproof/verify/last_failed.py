"""The clauses that did not hold the last time they were judged, for `verify --last-failed`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trackproof.events.stream import Event
from trackproof.events.verification import EnvironmentStarted, VerifyEnded
from trackproof.verify.failure_store import make_folder

NAME = "last-failed"


def last_failed(folder: Path, fleet: str) -> tuple[str, ...]:
    """Return the ids of the clauses that failed last, in the order of their names.

    Args:
        folder: The folder of stored failures.
        fleet: The profile: a file, or a name.
    """
    return tuple(_read(folder).get(fleet, ()))


class LastFailedWriter:
    """Updates the list with each verification: clauses that were not judged stay in it."""

    def __init__(self, folder: Path) -> None:
        """Keep the list in `folder`, which is created with the first failure."""
        self._folder = folder
        self._fleet = ""

    def write(self, event: Event) -> None:
        """Update the list at the end of a verification."""
        match event:
            case EnvironmentStarted():
                self._fleet = event.profile
            case VerifyEnded() if self._fleet:
                fleets = _read(self._folder)
                before = set(fleets.get(self._fleet, ()))
                failed = {clause.id for clause in event.clauses if not clause.accepted}
                after = sorted(before - {clause.id for clause in event.clauses} | failed)
                if set(after) != before:
                    make_folder(self._folder)
                    content = json.dumps({**fleets, self._fleet: after}, indent=2)
                    (self._folder / NAME).write_text(f"{content}\n", encoding="utf-8")
            case _:
                pass


def _read(folder: Path) -> Mapping[str, Any]:
    try:
        content = json.loads((folder / NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

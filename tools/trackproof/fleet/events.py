"""Events of a fleet: the common protocol, and events that the fleet stores in its database."""

from __future__ import annotations

from typing import Any, Protocol

from trackproof.fleet.rows import parse_column
from trackproof.testbed import database

Event = tuple[str, Any]
"""Name and data."""


class EventSource(Protocol):
    """A source of the fleet's events."""

    def watch(self, transcript_id: str) -> None:
        """Start recording this transcript's events."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return this transcript's events, oldest first."""

    def close(self) -> None:
        """Release the connections."""


class SqlEvents:
    """Events that the fleet stores."""

    def __init__(self, database_url: str, sql: str) -> None:
        """Read events by `sql`, with columns `event` and `data`."""
        self._database_url = database_url
        self._sql = sql

    def watch(self, transcript_id: str) -> None:
        """Do nothing: stored events can be read at any time."""

    def events(self, transcript_id: str) -> list[Event]:
        """Return this transcript's events, oldest first."""
        rows = database.rows(self._database_url, self._sql, transcript_id=transcript_id)
        return [(row["event"], parse_column(row["data"])) for row in rows]

    def close(self) -> None:
        """Do nothing: each read has a connection of its own."""

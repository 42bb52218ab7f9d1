"""The fleet's tables: one row a meeting, its messages, and answers that cost something."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import Any

TABLES = """
CREATE TABLE meeting (id TEXT PRIMARY KEY, headline TEXT, minutes TEXT, recap TEXT, topics TEXT);
CREATE TABLE message (number INTEGER PRIMARY KEY, meeting TEXT, name TEXT, data TEXT);
CREATE TABLE answer (key TEXT PRIMARY KEY, value TEXT);
"""
BUSY_SECONDS = 30


def open_database() -> sqlite3.Connection:
    """Connect; each thread has its own connection."""
    return sqlite3.connect(os.environ["DATABASE_FILE"], timeout=BUSY_SECONDS)


def has_meeting(meeting: str) -> bool:
    """Return whether the meeting exists."""
    with closing(open_database()) as connection:
        return (
            connection.execute("SELECT 1 FROM meeting WHERE id = ?", [meeting]).fetchone()
            is not None
        )


def save(meeting: str, columns: dict[str, Any], messages: list[tuple[str, Any]]) -> None:
    """Write columns of a meeting and its messages in one transaction."""
    names = ", ".join(f"{name} = ?" for name in columns)
    with closing(open_database()) as connection, connection:
        connection.execute(f"UPDATE meeting SET {names} WHERE id = ?", [*columns.values(), meeting])
        for name, data in messages:
            connection.execute(
                "INSERT INTO message (meeting, name, data) VALUES (?, ?, ?)",
                [meeting, name, json.dumps(data)],
            )


def stored_answer(key: str) -> Any:
    """Return an earlier answer, None if there is none."""
    with closing(open_database()) as connection:
        row = connection.execute("SELECT value FROM answer WHERE key = ?", [key]).fetchone()
    return None if row is None else json.loads(row[0])


def store_answer(key: str, value: Any) -> None:
    """Keep an answer."""
    with closing(open_database()) as connection, connection:
        connection.execute("INSERT OR REPLACE INTO answer VALUES (?, ?)", [key, json.dumps(value)])


if __name__ == "__main__":
    with closing(open_database()) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(TABLES)

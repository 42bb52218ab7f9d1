"""A fleet's cache of outside services' answers, read and cleared by SQL.

Works on one documented table, `cache_entries (kind, size, created_at)`, in whatever language the
fleet is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from trackproof.errors import TestbedError
from trackproof.testbed.database import STARTED, check_choice

_STATS = (
    "SELECT kind, COUNT(*), SUM(size), MIN(created_at), MAX(created_at) "
    "FROM cache_entries GROUP BY kind ORDER BY kind"
)
HINT = (
    "give --database the URL of the fleet's database (its DATABASE_URL); the fleet creates the "
    "table cache_entries when it starts"
)
_CLEAR = "DELETE FROM cache_entries"


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Cached answers of one task type."""

    task: str
    answers: int
    bytes: int
    oldest: float
    """Epoch seconds."""
    newest: float
    """Epoch seconds."""


def stats(database_url: str) -> list[CacheStats]:
    """Return the cache's statistics, by task type.

    Raises:
        UsageError: `database_url` is no URL of a database.
        TestbedError: The database cannot be read or has no such table.
    """
    return [
        CacheStats(str(kind), int(count), int(size), float(oldest), float(newest))
        for kind, count, size, oldest, newest in _run(database_url, _STATS)
    ]


def clear(database_url: str) -> int:
    """Delete all cached answers and return their number.

    Raises:
        UsageError: `database_url` is no URL of a database.
        TestbedError: The database cannot be written or has no such table.
    """
    count = sum(entry.answers for entry in stats(database_url))
    _run(database_url, _CLEAR)
    return count


def _run(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    check_choice(database_url)
    url = make_url(database_url) if database_url not in STARTED else None
    if url is None or (
        url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    ):
        raise TestbedError(f"no database at {database_url}", hint=HINT)
    try:
        engine = create_engine(database_url)
        try:
            with engine.begin() as connection:
                result = connection.execute(text(sql))
                return [tuple(row) for row in result] if result.returns_rows else []
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise TestbedError(
            "the database has no readable answer cache",
            evidence=str(getattr(error, "orig", error)),
            hint=HINT,
        ) from error

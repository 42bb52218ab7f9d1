"""What a fleet remembers of outside services' answers, read and forgotten from outside.

By SQL on one documented table, `cache_entries (kind, size, created_at)`: so a fleet in any
language that keeps one like it can be asked the same.
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
    "give --database the URL of the fleet's database (its DATABASE_URL); the fleet makes the "
    "table cache_entries when it starts"
)
_CLEAR = "DELETE FROM cache_entries"


@dataclass(frozen=True, slots=True)
class CacheStats:
    """All answers to one task type's questions."""

    task: str
    answers: int
    bytes: int
    oldest: float
    """Epoch seconds."""
    newest: float
    """Epoch seconds."""


def stats(database_url: str) -> list[CacheStats]:
    """Return what is remembered, by task type.

    Raises:
        UsageError: That is no URL of a database.
        TestbedError: It cannot be read, or has no such table.
    """
    return [
        CacheStats(str(kind), int(count), int(size), float(oldest), float(newest))
        for kind, count, size, oldest, newest in _run(database_url, _STATS)
    ]


def clear(database_url: str) -> int:
    """Forget everything; return how many answers that were.

    Raises:
        UsageError: That is no URL of a database.
        TestbedError: It cannot be written, or has no such table.
    """
    known = sum(entry.answers for entry in stats(database_url))
    _run(database_url, _CLEAR)
    return known


def _run(database_url: str, sql: str) -> list[tuple[Any, ...]]:
    check_choice(database_url)
    url = make_url(database_url) if database_url not in STARTED else None
    if url is None or (
        url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()
    ):
        raise TestbedError(f"there is no database {database_url}", hint=HINT)
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
            "the database holds no answers that could be read",
            evidence=str(getattr(error, "orig", error)),
            hint=HINT,
        ) from error

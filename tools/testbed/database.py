"""Look into a fleet's database from outside: plain SQL, no knowledge of its code."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from tools.errors import TestbedError


def rows(database_url: str, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run one query and return its rows by column name.

    Raises:
        TestbedError: The database or the query is not as the fleet's profile says.
    """
    try:
        engine = create_engine(database_url)
        try:
            with engine.connect() as connection:
                return [dict(row._mapping) for row in connection.execute(text(sql), parameters)]
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise TestbedError(
            "the fleet's database cannot be read as its profile says",
            evidence=f"{sql}\n{error}",
            hint="compare the profile's SQL with the fleet's tables",
        ) from error

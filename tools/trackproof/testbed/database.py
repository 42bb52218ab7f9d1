"""A fleet's database: where it is, and a look into it by plain SQL, without its code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.postgres import start_postgres

STARTED = ("sqlite", "postgres")
"""What can be had without a URL."""

VARIABLE = "TRACKPROOF_DATABASE"


def default_database() -> str:
    """Return the choice where none is made: of the environment, else SQLite."""
    return os.environ.get(VARIABLE) or "sqlite"


@contextmanager
def database_for(choice: str, folder: Path) -> Iterator[str]:
    """Yield the URL of a database; what was started for it is ended with the block.

    Args:
        choice: `sqlite`: a file in `folder`. `postgres`: a server of its own. Else a URL.
        folder: Of the run.

    Raises:
        UsageError: The choice is none of these.
        TestbedError: There is no PostgreSQL to start.
    """
    match choice:
        case "sqlite":
            yield f"sqlite:///{folder / 'fleet.db'}"
        case "postgres":
            with start_postgres() as server:
                yield server.new_database()
        case _:
            check_choice(choice)
            yield choice


def check_choice(choice: str) -> None:
    """Raise a UsageError for what is no way to get a database."""
    if choice in STARTED:
        return
    try:
        known = make_url(choice).get_backend_name() in {"sqlite", "postgresql"}
    except SQLAlchemyError:
        known = False
    if not known:
        raise UsageError(
            "--database is no way to get a database",
            hint="sqlite, postgres or a URL like postgresql+psycopg://user:password@host/name",
        )


def database_variables(database_url: str) -> dict[str, str]:
    """Return a database's address in the ways that fleets of many languages take it."""
    url = make_url(database_url)
    sqlite = url.get_backend_name() == "sqlite"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return {
        "database.url": database_url,
        "database.file": (url.database or "") if sqlite else "",
        "database.libpq": "" if sqlite else plain,
    }


def kind_of(database_url: str) -> str:
    """Return which of `STARTED` a database is one of."""
    is_sqlite = make_url(database_url).get_backend_name() == "sqlite"
    return "sqlite" if is_sqlite else "postgres"


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

"""A fleet's database: its URL, and reading it by plain SQL without the fleet's code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from trackproof.errors import TestbedError, UsageError
from trackproof.testbed.postgres import PostgresServer, start_postgres

STARTED = ("sqlite", "postgres")
"""Choices besides a URL."""

VARIABLE = "TRACKPROOF_DATABASE"


def default_database() -> str:
    """Return the choice of the environment variable TRACKPROOF_DATABASE, else `sqlite`."""
    return os.environ.get(VARIABLE) or "sqlite"


@dataclass(frozen=True, slots=True)
class Database:
    """A database, and the server that was started for it."""

    url: str
    server: PostgresServer | None = None
    """None for SQLite, and for a database given by its URL."""


@contextmanager
def database_for(choice: str, folder: Path) -> Iterator[Database]:
    """Yield a database; a server started for it stops with the block.

    Args:
        choice: `sqlite` for a file in `folder`, `postgres` for a server, or a URL.
        folder: The run's folder.

    Raises:
        UsageError: `choice` is neither a known word nor a URL.
        TestbedError: PostgreSQL could not be started.
    """
    match choice:
        case "sqlite":
            yield Database(f"sqlite:///{folder / 'fleet.db'}")
        case "postgres":
            with start_postgres() as server:
                yield Database(server.new_database(), server)
        case _:
            check_choice(choice)
            yield Database(choice)


def check_choice(choice: str) -> None:
    """Raise a UsageError unless `choice` is valid for `database_for`."""
    if choice in STARTED:
        return
    try:
        known = make_url(choice).get_backend_name() in {"sqlite", "postgresql"}
    except SQLAlchemyError:
        known = False
    if not known:
        raise UsageError(
            "invalid value of --database",
            hint="use sqlite, postgres or a URL like postgresql+psycopg://user:password@host/name",
        )


def database_variables(database_url: str) -> dict[str, str]:
    """Return the profile variables `database.*`: whole URLs, a SQLite file, and single parts."""
    url = make_url(database_url)
    sqlite = url.get_backend_name() == "sqlite"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    # libpq takes host and port as parameters of the query too, such as the folder of a socket.
    host = url.host or str(url.query.get("host", "localhost"))
    port = url.port or url.query.get("port", "5432")
    return {
        "database.url": database_url,
        "database.file": (url.database or "") if sqlite else "",
        "database.libpq": "" if sqlite else plain,
        "database.host": "" if sqlite else host,
        "database.port": "" if sqlite else str(port),
        "database.name": "" if sqlite else url.database or "",
        "database.user": "" if sqlite else url.username or "",
        "database.password": "" if sqlite else str(url.password or ""),
    }


def without_password(choice: str) -> str:
    """Return a choice of `database_for` with `***` for the password in a URL."""
    return make_url(choice).render_as_string() if "://" in choice else choice


def kind_of(database_url: str) -> str:
    """Return `sqlite` or `postgres`."""
    is_sqlite = make_url(database_url).get_backend_name() == "sqlite"
    return "sqlite" if is_sqlite else "postgres"


def rows(database_url: str, sql: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run one query and return its rows by column name.

    Raises:
        TestbedError: The database cannot be reached or rejects the query.
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
            "the fleet's database cannot be read with the profile's SQL",
            evidence=f"{sql}\n{error}",
            hint="compare the profile's SQL with the fleet's tables",
        ) from error

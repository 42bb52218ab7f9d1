"""Bring the database to a revision: in one transaction, by one process at a time.

Several processes of a fleet start at once and all ask for the newest revision: the first one
migrates, the others wait and then find nothing to do. What fails half-way leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect, text

from reference_workers.errors import StartupError

SCRIPTS = Path(__file__).parent / "migrations"
HEAD = "head"
BASE = "base"

_LOCK = 7_266_137_001
"""Key of PostgreSQL's advisory lock; any number that nobody else uses."""


class MigrationError(StartupError):
    """The database cannot be brought to the revision that was asked for."""


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Bring the database up to a revision; rows that are there stay.

    Raises:
        MigrationError: There is no such revision, or the tables were not made by migrations.
    """
    with _locked(engine) as connection:
        if _current(connection) is None and inspect(connection).has_table("transcripts"):
            raise MigrationError(
                "the database has tables but no revision: no migration has made them. "
                "Hint: give DATABASE_URL an empty database, or mark this one by hand"
            )
        with _command_errors():
            command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Take the database back to a revision; `base` is the empty database.

    Raises:
        MigrationError: There is no such revision below the present one.
    """
    with _locked(engine) as connection, _command_errors():
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """Return the revision the database is at; None if it is empty."""
    with engine.connect() as connection:
        return _current(connection)


def newest() -> str:
    """Return the newest revision there is."""
    return str(ScriptDirectory(str(SCRIPTS)).get_current_head())


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that no other migration runs beside; SQLite's takes its lock itself."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        yield connection


@contextmanager
def _command_errors() -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise MigrationError(
            f"{error}. Hint: the newest revision is {newest()}, `base` is the empty database"
        ) from error

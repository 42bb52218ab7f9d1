"""Schema migrations, each run in one transaction by one process at a time.

When several processes start at once, the first migrates and the others wait. A failed migration
is rolled back completely.
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
"""Key of PostgreSQL's advisory lock; an arbitrary number."""


class MigrationError(StartupError):
    """The database cannot be migrated to the requested revision."""


def upgrade(engine: Engine, revision: str = HEAD) -> None:
    """Upgrade to a revision, keeping all rows.

    Raises:
        MigrationError: Unknown revision, or the tables were not created by migrations.
    """
    with _locked(engine) as connection:
        if _current(connection) is None and inspect(connection).has_table("transcripts"):
            raise MigrationError(
                "the database has tables but no revision: they were not created by migrations. "
                "Hint: set DATABASE_URL to an empty database, or stamp this one by hand"
            )
        with _command_errors():
            command.upgrade(_config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Downgrade to a revision; `base` is the empty database.

    Raises:
        MigrationError: Unknown revision, or one above the current.
    """
    with _locked(engine) as connection, _command_errors():
        command.downgrade(_config(connection), revision)


def current(engine: Engine) -> str | None:
    """Return the current revision; None for an empty database."""
    with engine.connect() as connection:
        return _current(connection)


def newest() -> str:
    """Return the newest revision."""
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
    """Open a transaction that excludes other migrations; on SQLite BEGIN IMMEDIATE suffices."""
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

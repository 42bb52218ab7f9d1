"""Open the database so that many processes can write to it: SQLite or PostgreSQL.

SQLite: write-ahead log (readers never wait), foreign keys on, and every transaction that may
write takes the write lock when it begins and waits for it. One that reads first and then writes
could not wait: SQLite refuses it at once as "database is locked".
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from reference_workers.errors import StartupError

BUSY_TIMEOUT_SECONDS = 60
CONNECT_TIMEOUT_SECONDS = 10

# A fleet has a thread a task type and some more for branches; each has one transaction at most.
POOL_SIZE, POOL_OVERFLOW = 10, 30


DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}


def open_engine(database_url: str) -> Engine:
    """Return an engine; nothing is connected yet.

    Raises:
        StartupError: It is no URL, or one of another kind of database.
    """
    try:
        url = make_url(database_url)
        if DRIVERS.get(url.get_backend_name()) != url.get_driver_name():
            raise _refusal(f"it is one of {url.drivername}")
    except ArgumentError as error:
        raise _refusal("it is none") from error
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=not is_sqlite,  # a server may have been restarted
        hide_parameters=True,  # an error may be logged, and a row holds what is said in meetings
        connect_args={} if is_sqlite else {"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    if is_sqlite:
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


def _refusal(what: str) -> StartupError:
    return StartupError(
        f"DATABASE_URL is to be the URL of a database, and {what}. "
        "Hint: sqlite:////folder/state.db or postgresql+psycopg://user:password@host/name"
    )


def read_only_engine(engine: Engine) -> Engine:
    """Return the engine for transactions that only read: on SQLite they take no write lock."""
    return engine.execution_options(reads_only=True)


def _configure(connection: Any, _: Any) -> None:
    # The driver begins no transaction by itself: see `_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    _enable_wal(cursor)
    cursor.close()


def _enable_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to its write-ahead log, once for all; nobody waits for that by himself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

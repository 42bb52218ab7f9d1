"""Database engine for concurrent processes on SQLite or PostgreSQL.

SQLite uses a write-ahead log (readers never wait) and foreign keys. Every writing transaction
starts with BEGIN IMMEDIATE and waits for the write lock: a transaction that reads first and then
upgrades its lock cannot wait and fails with "database is locked".
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

# One thread for each task type and a few for branches, each with at most one transaction.
POOL_SIZE, POOL_OVERFLOW = 10, 30


DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg"}


def open_engine(database_url: str) -> Engine:
    """Return an engine without connecting.

    Raises:
        StartupError: Not a URL, or a URL of another kind of database.
    """
    try:
        url = make_url(database_url)
        if DRIVERS.get(url.get_backend_name()) != url.get_driver_name():
            raise _error(f"unsupported database {url.drivername}")
    except ArgumentError as error:
        raise _error("not a URL") from error
    is_sqlite = url.get_backend_name() == "sqlite"
    engine = create_engine(
        url,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        pool_pre_ping=not is_sqlite,  # the server may have restarted
        hide_parameters=True,  # errors are logged, and rows contain private speech
        connect_args={} if is_sqlite else {"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )
    if is_sqlite:
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


def _error(problem: str) -> StartupError:
    return StartupError(
        f"invalid DATABASE_URL: {problem}. "
        "Hint: sqlite:////folder/state.db or postgresql+psycopg://user:password@host/name"
    )


def read_only_engine(engine: Engine) -> Engine:
    """Return an engine for read-only transactions, which take no write lock on SQLite."""
    return engine.execution_options(reads_only=True)


def _configure(connection: Any, _: Any) -> None:
    # Disable the driver's implicit transactions: see `_begin`.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    _enable_wal(cursor)
    cursor.close()


def _enable_wal(cursor: sqlite3.Cursor) -> None:
    """Switch the file to WAL mode; busy_timeout does not apply to this pragma."""
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

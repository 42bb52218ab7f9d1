"""Seeded values that a fleet has stored, in whatever tables and columns it has."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Engine, create_engine, inspect, text
from sqlalchemy.exc import SAWarning, SQLAlchemyError

from trackproof.fleet.rows import parse_column
from trackproof.runs.equality import contains_value
from trackproof.runs.word_order import texts_of

MOST_ROWS: Final = 10_000
"""Rows of each table that are read; the database of a fleet that has just started has few."""

NEEDED_BY: Final[Mapping[tuple[str, str], str]] = {
    ("room", "name"): "send_webhook",
    ("room", "webhook_url"): "send_webhook",
    ("room", "webhook_secret"): "send_webhook",
    ("room", "zulip_stream"): "post_zulip",
    ("room", "zulip_topic"): "post_zulip",
    ("recording", "track_keys"): "cleanup_consent",
}
"""The task that needs a seeded value, by row and column. No profile shows these rows."""


def lost_columns(
    database_url: str, meeting: Mapping[str, Any], tasks: Collection[str]
) -> Iterator[str]:
    """Yield each column, with its value, that no table of the fleet's database has.

    Nothing is yielded for a fleet without tables, which keeps its rows elsewhere.

    Args:
        database_url: The fleet's database.
        meeting: The rows that were seeded.
        tasks: The task types that the fleet serves; only what they need counts.
    """
    stored = stored_texts(database_url)
    if not stored:
        return
    for (row, column), task in NEEDED_BY.items():
        sent = list(texts_of(meeting[row].get(column)))
        if task in tasks and sent and not all(_has(stored, value) for value in sent):
            yield f"{row}.{column} (for {task})"


def _has(stored: frozenset[str], value: str) -> bool:
    return value in stored or contains_value(stored, value)


def stored_texts(database_url: str) -> frozenset[str]:
    """Return every text in a database, those within JSON too; empty if it cannot be read."""
    try:
        engine = create_engine(database_url)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SAWarning)  # types that SQLAlchemy does not know
                return frozenset(_texts(engine))
        finally:
            engine.dispose()
    except SQLAlchemyError:
        return frozenset()


def _texts(engine: Engine) -> Iterator[str]:
    with engine.connect() as connection:
        inspector = inspect(connection)
        quote = connection.dialect.identifier_preparer.quote
        for schema in _schemas(inspector.get_schema_names()):
            for table in inspector.get_table_names(schema=schema):
                query = f"SELECT * FROM {quote(schema)}.{quote(table)} LIMIT {MOST_ROWS}"  # noqa: S608
                for row in connection.execute(text(query.replace(":", r"\:"))):
                    for value in row:
                        yield from texts_of(parse_column(value))


def _schemas(names: Collection[str]) -> list[str]:
    """Leave out the database's own schemas."""
    return [name for name in names if name not in {"information_schema", "temp"}]

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed import database


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as connection:
        connection.execute("CREATE TABLE transcripts (id TEXT, title TEXT)")
        connection.execute("INSERT INTO transcripts VALUES ('a', 'Budget'), ('b', NULL)")
        connection.commit()
    return f"sqlite:///{tmp_path / 'fleet.db'}"


def test_rows_come_by_column_name(url: str) -> None:
    assert database.rows(url, "SELECT * FROM transcripts ORDER BY id") == [
        {"id": "a", "title": "Budget"},
        {"id": "b", "title": None},
    ]


def test_parameters_choose_rows(url: str) -> None:
    sql = "SELECT title FROM transcripts WHERE id = :id"

    assert database.rows(url, sql, id="a") == [{"title": "Budget"}]
    assert database.rows(url, sql, id="a' OR 'x' = 'x") == []


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM nowhere", "SELECT nothing FROM transcripts", "SELEKT"]
)
def test_wrong_sql_is_told_with_the_sql(url: str, sql: str) -> None:
    with pytest.raises(TestbedError, match="cannot be read as its profile says") as caught:
        database.rows(url, sql)

    assert caught.value.evidence.startswith(f"{sql}\n")
    assert "profile's SQL" in caught.value.hint


@pytest.mark.parametrize("url", ["no URL at all", "nosuchdatabase://host/x", "sqlite:////no/x.db"])
def test_a_database_that_cannot_be_reached_is_told(url: str) -> None:
    with pytest.raises(TestbedError, match="cannot be read as its profile says"):
        database.rows(url, "SELECT 1")

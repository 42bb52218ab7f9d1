from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import TestbedError
from trackproof.testbed import database
from trackproof.testbed.database import database_variables


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as connection:
        connection.execute("CREATE TABLE transcripts (id TEXT, title TEXT)")
        connection.execute("INSERT INTO transcripts VALUES ('a', 'Budget'), ('b', NULL)")
        connection.commit()
    return f"sqlite:///{tmp_path / 'fleet.db'}"


def test_rows_are_maps_by_column_name(url: str) -> None:
    sql = "SELECT * FROM transcripts WHERE id = :id"

    assert database.rows(url, sql, id="a") == [{"id": "a", "title": "Budget"}]
    assert database.rows(url, sql, id="a' OR 'x' = 'x") == []


def test_invalid_sql_is_an_error_that_shows_the_sql(url: str) -> None:
    with pytest.raises(TestbedError, match="cannot be read with the profile's SQL") as caught:
        database.rows(url, "SELECT * FROM nowhere")

    assert caught.value.evidence.startswith("SELECT * FROM nowhere\n")
    assert "profile's SQL" in caught.value.hint


@pytest.mark.parametrize("url", ["no URL at all", "nosuchdatabase://host/x", "sqlite:////no/x.db"])
def test_unreachable_database_is_a_testbed_error(url: str) -> None:
    with pytest.raises(TestbedError, match="cannot be read with the profile's SQL"):
        database.rows(url, "SELECT 1")


def test_database_url_has_several_forms() -> None:
    assert database_variables("sqlite:////tmp/x.db") == {
        "database.url": "sqlite:////tmp/x.db",
        "database.file": "/tmp/x.db",
        "database.libpq": "",
        "database.host": "",
        "database.port": "",
        "database.name": "",
        "database.user": "",
        "database.password": "",
    }
    assert database_variables("postgresql+psycopg://u:p%2F@h/n") == {
        "database.url": "postgresql+psycopg://u:p%2F@h/n",
        "database.file": "",
        "database.libpq": "postgresql://u:p%2F@h/n",
        "database.host": "h",
        "database.port": "5432",
        "database.name": "n",
        "database.user": "u",
        "database.password": "p/",
    }
    socket = database_variables("postgresql+psycopg://u@/n?host=/run/pg&port=5433")
    assert (socket["database.host"], socket["database.port"]) == ("/run/pg", "5433")

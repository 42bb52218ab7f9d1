from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import TestbedError, UsageError
from trackproof.events.timeline import Cost
from trackproof.runs.costs import read_costs


def database(folder: Path, columns: str, *rows: tuple[object, ...]) -> str:
    path = folder / "fleet.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"CREATE TABLE task_costs ({columns})")
        for row in rows:
            connection.execute(f"INSERT INTO task_costs VALUES ({','.join('?' * len(row))})", row)
        connection.commit()
    return f"sqlite:///{path}"


def test_costs_are_those_of_one_run(tmp_path: Path) -> None:
    columns = "task_id TEXT, workflow_id TEXT, seconds REAL, calls INT, more TEXT"
    url = database(tmp_path, columns, ("a", "w-1", 1.5, 2, "x"), ("b", "w-2", 1.0, 1, "x"))

    assert read_costs(url, "w-1") == {"a": Cost(seconds=1.5, calls=2)}
    assert read_costs(url, "w-3") == {}


def test_missing_columns_and_nulls_count_as_zero(tmp_path: Path) -> None:
    columns = "task_id TEXT, workflow_id TEXT, seconds REAL, prompt_tokens INT"
    url = database(tmp_path, columns, ("a", "w-1", 1.5, None))

    assert read_costs(url, "w-1") == {"a": Cost(seconds=1.5)}


def test_a_database_without_costs_is_an_error(tmp_path: Path) -> None:
    url = database(tmp_path, "task_id TEXT")

    with pytest.raises(TestbedError, match="the table task_costs cannot be read"):
        read_costs(url, "w-1")


@pytest.mark.parametrize("url", ["sqlite", "sqlite:///nowhere.db"])
def test_reading_costs_creates_no_database(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TestbedError, match="the database does not exist"):
        read_costs(url, "w-1")

    assert list(tmp_path.iterdir()) == []


def test_another_kind_of_database_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="invalid value of --database"):
        read_costs("mysql://x", "w-1")

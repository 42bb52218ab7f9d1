from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import TestbedError, UsageError
from trackproof.runs.costs import Cost, costs_of


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

    assert costs_of(url, "w-1") == {"a": Cost(seconds=1.5, calls=2)}
    assert costs_of(url, "w-3") == {}


def test_what_a_fleet_does_not_count_is_nothing(tmp_path: Path) -> None:
    columns = "task_id TEXT, workflow_id TEXT, seconds REAL, prompt_tokens INT"
    url = database(tmp_path, columns, ("a", "w-1", 1.5, None))

    assert costs_of(url, "w-1") == {"a": Cost(seconds=1.5)}


def test_a_database_without_costs_is_told(tmp_path: Path) -> None:
    url = database(tmp_path, "task_id TEXT")

    with pytest.raises(TestbedError, match="no costs that could be read"):
        costs_of(url, "w-1")


@pytest.mark.parametrize("url", ["sqlite", "sqlite:///nowhere.db"])
def test_no_database_is_made_by_asking(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TestbedError, match="there is no such database"):
        costs_of(url, "w-1")

    assert list(tmp_path.iterdir()) == []


def test_what_is_no_url_is_told() -> None:
    with pytest.raises(UsageError, match="invalid value of --database"):
        costs_of("mysql://x", "w-1")

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.errors import TestbedError, UsageError
from trackproof.testbed import answer_cache


@pytest.fixture
def url(tmp_path: Path) -> str:
    with closing(sqlite3.connect(tmp_path / "fleet.db")) as connection:
        connection.execute("CREATE TABLE cache_entries (kind TEXT, size INT, created_at REAL)")
        connection.executemany(
            "INSERT INTO cache_entries VALUES (?, ?, ?)",
            [("detect_topics", 10, 100.0), ("detect_topics", 30, 200.0), ("pad\x1b[2J", 5, 150.0)],
        )
        connection.commit()
    return f"sqlite:///{tmp_path / 'fleet.db'}"


def test_stats_count_answers_by_task(url: str) -> None:
    first = answer_cache.stats(url)[0]

    assert first == answer_cache.CacheStats("detect_topics", 2, 40, 100.0, 200.0)


def test_missing_table_is_a_testbed_error(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    with pytest.raises(TestbedError, match="no readable answer cache") as caught:
        answer_cache.stats(f"sqlite:///{tmp_path / 'empty.db'}")

    assert "no such table" in caught.value.evidence
    assert "DATABASE_URL" in caught.value.hint


def test_missing_file_is_an_error_and_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match="no database at"):
        answer_cache.stats(f"sqlite:///{tmp_path / 'no.db'}")

    assert list(tmp_path.iterdir()) == []


def test_url_of_another_database_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="invalid value of --database"):
        answer_cache.stats("mongodb://host/name")


def test_command_shows_writes_and_clears_the_cache(url: str, tmp_path: Path) -> None:
    report = tmp_path / "stats.json"

    code, output = trackproof("cache", "stats", "--database", url, "--json", str(report))

    assert code == 0
    assert "detect_topics" in output
    assert "\x1b[2J" not in output
    assert json.loads(report.read_text())[0]["answers"] == 2
    assert trackproof("cache", "clear", "--database", url) == (0, "3 answers deleted\n")
    assert trackproof("cache", "stats", "--database", url) == (0, "the cache is empty\n")


def test_command_exits_with_2_without_a_database(tmp_path: Path) -> None:
    assert trackproof("cache", "stats", "--database", f"sqlite:///{tmp_path / 'no.db'}")[0] == 2

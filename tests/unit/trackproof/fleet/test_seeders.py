"""SQL seeds write a meeting's rows in one transaction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackproof.errors import FleetError
from trackproof.fleet.seeders import SqlSeeder

MEETING = {
    "room": {"name": "standup"},
    "recording": {"track_keys": ["a", "b"]},
    "transcript": {"id": "t-1"},
    "consents": [{"participant_id": "p1", "granted": True}, {"participant_id": "p2"}],
}


def test_statements_get_the_meetings_values_and_return_ids(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            "CREATE TABLE rooms (id INTEGER PRIMARY KEY, name);"
            "CREATE TABLE meetings (id, room, keys, title);"
            "CREATE TABLE answers (room, participant, granted);"
        )
    seeder = SqlSeeder(
        "sample",
        (
            "INSERT INTO rooms (name) VALUES (:room_name) RETURNING id + 40 AS room_id",
            "INSERT INTO meetings VALUES "
            "(:transcript_id, :room_id, :recording_track_keys, :transcript_title)",
            "INSERT INTO answers VALUES (:room_id, :consent_participant_id, :consent_granted)",
        ),
        f"sqlite:///{database}",
    )

    assert seeder.seed(MEETING) == {"room_id": 41}

    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM meetings").fetchall() == [
            ("t-1", 41, '["a", "b"]', None)
        ]
        assert connection.execute("SELECT * FROM answers").fetchall() == [
            (41, "p1", 1),
            (41, "p2", None),
        ]


def test_failed_statement_rolls_back_and_is_an_error(tmp_path: Path) -> None:
    database = tmp_path / "fleet.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("CREATE TABLE rooms (name)")
        connection.commit()
    statements = ("INSERT INTO rooms VALUES (:room_name)", "INSERT INTO nowhere VALUES (1)")

    with pytest.raises(FleetError, match="seed_sql of fleet 'sample' failed") as caught:
        SqlSeeder("sample", statements, f"sqlite:///{database}").seed(MEETING)

    assert "no such table: nowhere" in caught.value.evidence
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT * FROM rooms").fetchall() == []

"""`fleet check` shows what the seeder received, and what the fleet did not store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from trackproof.errors import FleetError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.seed_columns import SEED_COLUMNS
from trackproof.verify.fleet_check import _read_back, _sample
from trackproof.verify.stored_values import NEEDED_BY, lost_columns


class Seeded:
    """A fleet that stores what it is given, with some changes."""

    profile = FleetProfile(name="sample", attach=True)
    exposes_rows = True
    exposes_events = False

    def __init__(self, **changes: Any) -> None:
        self.row: dict[str, Any] = {}
        self._changes = changes

    def seed(self, meeting: Mapping[str, Any]) -> dict[str, Any]:
        self.row = {**meeting["transcript"], "status": "idle", **self._changes}
        return {"transcript_id": "t-1"}

    def transcript(self, transcript_id: str) -> dict[str, Any]:
        assert transcript_id == "t-1"
        return self.row


class Broken(Seeded):
    def seed(self, meeting: Mapping[str, Any]) -> dict[str, Any]:
        raise FleetError("the seed command exited with 1", evidence="KeyError: 'room'")


def findings(fleet: Seeded) -> dict[str, list[tuple[bool, str]]]:
    found: dict[str, list[tuple[bool, str]]] = {}
    for one in _read_back(cast("Fleet", fleet), _sample(), ()):
        found.setdefault(one.about, []).append((one.good, one.text))
    return found


def test_meeting_is_shown_as_the_seeder_received_it() -> None:
    seeded, *rows = findings(Seeded())["seeds"]

    assert seeded == (True, "a meeting is seeded; the seeder received")
    meeting = {
        name.strip(): json.loads(row) for name, _, row in (text.partition(": ") for _, text in rows)
    }
    assert {(column.table, column.name) for column in SEED_COLUMNS} == {
        (table, name)
        for table, row in meeting.items()
        for name in (row[0] if isinstance(row, list) else row)
    }


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"title": None}, 'transcript.title is null, not "Tides"'),
        ({"duration": 9.0}, "transcript.duration is 9.0, not 8.0"),
        ({"words": []}, "transcript.words is [], not ["),
        ({"words": [{"word": "tide"}]}, 'transcript.words is [{"word": "tide"}], not ['),
    ],
)
def test_what_is_sent_and_not_stored_is_reported(changes: dict[str, Any], lost: str) -> None:
    *_, (good, text) = findings(Seeded(**changes))["seeds"]

    assert not good
    assert f"sent and not stored: {lost}" in text


def test_missing_column_is_reported_as_such() -> None:
    fleet = Seeded()
    seed = fleet.seed

    def without_title(meeting: Mapping[str, Any]) -> dict[str, Any]:
        ids = seed(meeting)
        del fleet.row["title"]
        return ids

    fleet.seed = without_title  # type: ignore[method-assign]

    assert 'transcript.title is in no column; sent was "Tides"' in findings(fleet)["seeds"][-1][1]


def test_equal_numbers_and_further_fields_are_stored() -> None:
    word = {"word": "tide", "start": Decimal("0.5"), "end": 0.9, "speaker": 0, "id": 7}

    assert all(good for good, _ in findings(Seeded(duration=8, words=[word]))["seeds"])


def test_failed_seed_shows_the_meeting_and_ends_the_check() -> None:
    found = findings(Broken())

    assert not any(good for good, _ in found["seeds"])
    assert found["seeds"][0][1].endswith("KeyError: 'room'")
    assert found["seeds"][1][1].startswith('  room: {"id": ')
    assert "rows" not in found


class Refusing(Seeded):
    def __init__(self, evidence: str, hint: str) -> None:
        super().__init__()
        self._error = FleetError("seed_sql of fleet 'go' failed", evidence=evidence, hint=hint)

    def seed(self, meeting: Mapping[str, Any]) -> dict[str, Any]:
        raise self._error


@pytest.mark.parametrize(
    ("evidence", "hint", "shown"),
    [
        ('relation "roms" does not exist\nLINE 1: INSERT\n   ^\n', "", 'relation "roms" does not'),
        ("", "did you mean :room_name?", "did you mean :room_name?"),
    ],
)
def test_failed_seed_shows_the_cause(evidence: str, hint: str, shown: str) -> None:
    found = findings(Refusing(evidence, hint))

    assert found["seeds"][0][1].startswith(f"seed_sql of fleet 'go' failed: {shown}")


TABLES = """
CREATE TABLE "room:s" (name TEXT, hook TEXT, secret TEXT, zulip JSON);
CREATE TABLE recordings (track_keys JSON, content BLOB);
"""


def store(path: Path, room: Mapping[str, Any], track_keys: Sequence[str]) -> str:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(TABLES)
        zulip = {"stream": room["zulip_stream"], "topic": room["zulip_topic"]}
        row = (room["name"], room["webhook_url"], room["webhook_secret"], json.dumps(zulip))
        database.execute('INSERT INTO "room:s" VALUES (?, ?, ?, ?)', row)
        database.execute("INSERT INTO recordings VALUES (?, x'00')", [json.dumps(track_keys)])
    return f"sqlite:///{path}"


def test_what_no_table_has_is_lost(tmp_path: Path) -> None:
    meeting = _sample()
    room, track_keys = meeting["room"], meeting["recording"]["track_keys"]
    tasks = set(NEEDED_BY.values())

    whole = store(tmp_path / "whole.db", room, track_keys)
    partial = store(tmp_path / "partial.db", {**room, "webhook_secret": None}, track_keys[1:])

    assert list(lost_columns(whole, meeting, tasks)) == []
    assert list(lost_columns(partial, meeting, tasks)) == [
        "room.webhook_secret (for send_webhook)",
        "recording.track_keys (for cleanup_consent)",
    ]
    assert list(lost_columns(partial, meeting, {"pad_track"})) == []


def test_rows_outside_the_database_are_not_judged(tmp_path: Path) -> None:
    tasks = set(NEEDED_BY.values())

    assert list(lost_columns(f"sqlite:///{tmp_path}/new.db", _sample(), tasks)) == []
    assert list(lost_columns(f"sqlite:///{tmp_path}/no/such/folder.db", _sample(), tasks)) == []

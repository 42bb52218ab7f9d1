"""`fleet check` shows what the seeder received, and what the fleet did not store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

import pytest

from trackproof.errors import FleetError
from trackproof.fleet import Fleet
from trackproof.fleet.seed_columns import SEED_COLUMNS
from trackproof.verify.fleet_check import _read_back, _sample


class Seeded:
    """A fleet that stores what it is given, with some changes."""

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
    for one in _read_back(cast("Fleet", fleet), _sample()):
        found.setdefault(one.about, []).append((one.good, one.text))
    return found


def test_meeting_is_shown_as_the_seeder_received_it() -> None:
    [(good, text)] = findings(Seeded())["seeds"]

    assert good
    meeting = json.loads(text.partition("received ")[2])
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
    _, (good, text) = findings(Seeded(**changes))["seeds"]

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

    assert 'transcript.title is in no column; sent was "Tides"' in findings(fleet)["seeds"][1][1]


def test_equal_numbers_and_further_fields_are_stored() -> None:
    word = {"word": "tide", "start": Decimal("0.5"), "end": 0.9, "speaker": 0, "id": 7}

    assert len(findings(Seeded(duration=8, words=[word]))["seeds"]) == 1


def test_failed_seed_shows_the_meeting_and_ends_the_check() -> None:
    found = findings(Broken())

    assert [good for good, _ in found["seeds"]] == [False, False]
    assert found["seeds"][0][1].endswith("KeyError: 'room'")
    assert '"room": {"id": ' in found["seeds"][1][1]
    assert "rows" not in found

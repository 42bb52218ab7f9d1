"""Meetings that a harness prepares: their rooms, ids, silence and words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.errors import FleetError
from trackproof.runs.ids import new_seed, use_id_seed
from trackproof.suite.harness import Harness


class Seeder:
    """Stores rows in memory; rooms once only if `strict`."""

    def __init__(self, *, strict: bool) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self._strict = strict

    def seed(self, rows: Mapping[str, Any]) -> dict[str, Any]:
        rooms = [one["room"]["id"] for one in self.rows]
        if self._strict and rows["room"]["id"] in rooms:
            raise FleetError("the room exists")
        self.rows.append(rows)
        return {}


def harness_with(seeder: Seeder, folder: Path) -> Harness:
    daily = SimpleNamespace(add_recording=lambda _: None, add_meeting=lambda *_: None)
    credentials = SimpleNamespace(webhook_secret="secret")
    bare: Any = object.__new__(Harness)
    bare.fleet = SimpleNamespace(seed=seeder.seed)
    bare.testbed = SimpleNamespace(
        folder=folder,
        served=SimpleNamespace(urls={"webhook": "http://webhook"}),
        stand_ins=SimpleNamespace(credentials=credentials, daily=daily),
        s3=SimpleNamespace(put_file=lambda *_: None),
    )
    bare.transcripts = []
    return cast("Harness", bare)


@pytest.mark.parametrize("strict", [False, True])
def test_a_meeting_is_in_the_room_of_another_if_the_fleet_stores_rooms_twice(
    tmp_path: Path, strict: bool
) -> None:
    seeder = Seeder(strict=strict)
    harness = harness_with(seeder, tmp_path)
    first = harness.meeting(seconds=2)

    second = harness.meeting(seconds=2, room_of=first)

    rooms = [rows["room"] for rows in seeder.rows]
    assert (rooms[1]["id"] == rooms[0]["id"]) is not strict
    assert rooms[1]["webhook_url"] == f"http://webhook/{second.room_name}"
    assert second.workflow_input()["room_id"] == rooms[1]["id"]
    assert f"/{second.room_name}/" in second.track_keys[0]
    assert second.transcript_id != first.transcript_id


def test_ids_can_begin_with_those_of_another_meeting(tmp_path: Path) -> None:
    harness = harness_with(Seeder(strict=True), tmp_path)
    first = harness.meeting(seconds=2)

    second = harness.meeting(seconds=2, run_id=f"{first.run_id}0")

    assert second.transcript_id == f"{first.transcript_id}0"
    assert second.room_id == f"{first.room_id}0"


def test_a_silent_track_has_audio_and_no_words(tmp_path: Path) -> None:
    meeting = harness_with(Seeder(strict=True), tmp_path).meeting(tracks=2, seconds=4, silent=[1])

    assert {word.track_index for word in meeting.meeting.truth()} == {0}
    assert meeting.audio[1].stat().st_size > 0


def test_languages_are_input_of_the_workflow(tmp_path: Path) -> None:
    harness = harness_with(Seeder(strict=True), tmp_path)

    meeting = harness.meeting(seconds=2, languages={"source_language": "de"})

    assert meeting.workflow_input()["source_language"] == "de"
    assert "source_language" not in harness.meeting(seconds=2).workflow_input()


def test_equal_meetings_have_equal_words_in_one_verification_only(tmp_path: Path) -> None:
    harness = harness_with(Seeder(strict=True), tmp_path)

    def spoken(seed: str) -> list[list[str]]:
        with use_id_seed(seed, "test"):
            meetings = [harness.meeting(seconds=4).meeting for _ in range(2)]
        return [[word.text for word in meeting.truth()] for meeting in meetings]

    first, again = spoken(new_seed()), spoken(new_seed())

    assert first[0] == first[1]
    assert again[0] == again[1]
    assert again[0] != first[0]

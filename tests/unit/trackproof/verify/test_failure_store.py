from __future__ import annotations

import json
from pathlib import Path

import pytest

from trackproof.errors import UsageError
from trackproof.events.verdict import failure_id
from trackproof.verify.failure_store import Failure, find, keep, kept


def failure(name: str, kept_at: str = "2026-11-26T12:00:00+00:00") -> Failure:
    return Failure(
        id=name,
        clause="pad_track.offset",
        text="The track begins where the participant joined.",
        seed="TASK-005",
        test="test_pad_track.py::test_offset[1.5-שלום]",
        fleet="/srv/acme.toml",
        id_seed="1795653142-6eca032aa04b",
        version="3.15.0",
        database="sqlite",
        time_scale=0.001,
        inputs=({"task": "pad_track", "sent": {"track_index": 10, "name": "\udc80"}},),
        expected="1.5",
        observed="0",
        kept_at=kept_at,
    )


def test_a_failure_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    told = failure("pad_track.offset-0a1b2c")

    keep(tmp_path / "new" / "folder", told)

    assert find(tmp_path / "new" / "folder", told.id) == told


def test_the_beginning_of_an_id_is_enough_where_it_is_the_only_one(tmp_path: Path) -> None:
    keep(tmp_path, failure("pad_track.offset-0a1b2c"))
    keep(tmp_path, failure("pad_track.upload-0a1b2c"))

    assert find(tmp_path, "pad_track.o").id == "pad_track.offset-0a1b2c"
    with pytest.raises(UsageError, match="more than one failure begins with 'pad_track'"):
        find(tmp_path, "pad_track")


def test_a_whole_id_is_found_also_where_another_begins_with_it(tmp_path: Path) -> None:
    keep(tmp_path, failure("pad_track.offset-0"))
    keep(tmp_path, failure("pad_track.offset-0a"))

    assert find(tmp_path, "pad_track.offset-0").id == "pad_track.offset-0"


@pytest.mark.parametrize("name", ["finalize", "", "../secrets"])
def test_an_unknown_id_is_told_with_what_there_is(name: str, tmp_path: Path) -> None:
    keep(tmp_path, failure("pad_track.offset-0a1b2c"))

    with pytest.raises(UsageError, match="no failure ") as caught:
        find(tmp_path, name)

    assert "pad_track.offset-0a1b2c" in caught.value.evidence


def test_nothing_is_kept_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert kept(tmp_path / "missing") == []


def test_the_newest_is_listed_first(tmp_path: Path) -> None:
    keep(tmp_path, failure("a.b-1", "2026-11-25T12:00:00+00:00"))
    keep(tmp_path, failure("a.b-2", "2026-11-26T12:00:00+00:00"))

    assert [one.id for one in kept(tmp_path)] == ["a.b-2", "a.b-1"]


@pytest.mark.parametrize("content", ["", "{}", '{"id": 1}', "[]"])
def test_a_damaged_file_is_told_by_its_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.b-1.json").write_text(content)

    with pytest.raises(UsageError, match=r"a\.b-1\.json is no kept failure"):
        find(tmp_path, "a.b-1")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="failing clauses cannot be kept in") as caught:
        keep(tmp_path / "file" / "failures", failure("a.b-1"))

    assert "--failures" in caught.value.hint


def test_an_id_is_the_same_each_time_and_tells_fleets_and_tests_apart() -> None:
    one = failure_id("acme", "pad_track.offset", "test_a")

    assert one == failure_id("acme", "pad_track.offset", "test_a")
    others = {
        failure_id("other", "pad_track.offset", "test_a"),
        failure_id("acme", "pad_track.offset", "test_b"),
    }
    assert one.startswith("pad_track.offset-")
    assert len({one, *others}) == 3


def test_a_kept_failure_is_readable_json(tmp_path: Path) -> None:
    path = keep(tmp_path, failure("a.b-1"))

    assert json.loads(path.read_text(encoding="utf-8"))["inputs"][0]["sent"]["track_index"] == 10

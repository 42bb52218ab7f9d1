from __future__ import annotations

import json
from pathlib import Path

import pytest

from trackproof.errors import UsageError
from trackproof.events.verdict import failure_id
from trackproof.verify.failure_store import Failure, find_failure, store, stored_failures


def failure(name: str, stored_at: str = "2026-11-26T12:00:00+00:00") -> Failure:
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
        stored_at=stored_at,
    )


def test_a_stored_failure_is_read_back_unchanged(tmp_path: Path) -> None:
    original = failure("pad_track.offset-0a1b2c")

    store(tmp_path / "new" / "folder", original)

    assert find_failure(tmp_path / "new" / "folder", original.id) == original


def test_a_unique_prefix_of_an_id_is_enough(tmp_path: Path) -> None:
    store(tmp_path, failure("pad_track.offset-0a1b2c"))
    store(tmp_path, failure("pad_track.upload-0a1b2c"))

    assert find_failure(tmp_path, "pad_track.o").id == "pad_track.offset-0a1b2c"
    with pytest.raises(UsageError, match="several failures start with 'pad_track'"):
        find_failure(tmp_path, "pad_track")


def test_a_whole_id_wins_over_longer_ids_with_the_same_prefix(tmp_path: Path) -> None:
    store(tmp_path, failure("pad_track.offset-0"))
    store(tmp_path, failure("pad_track.offset-0a"))

    assert find_failure(tmp_path, "pad_track.offset-0").id == "pad_track.offset-0"


@pytest.mark.parametrize("name", ["finalize", "", "../secrets"])
def test_an_unknown_id_is_an_error_that_lists_the_known_ones(name: str, tmp_path: Path) -> None:
    store(tmp_path, failure("pad_track.offset-0a1b2c"))

    with pytest.raises(UsageError, match="no failure ") as caught:
        find_failure(tmp_path, name)

    assert "pad_track.offset-0a1b2c" in caught.value.evidence


def test_a_missing_folder_has_no_failures(tmp_path: Path) -> None:
    assert stored_failures(tmp_path / "missing") == []


def test_the_newest_is_listed_first(tmp_path: Path) -> None:
    store(tmp_path, failure("a.b-1", "2026-11-25T12:00:00+00:00"))
    store(tmp_path, failure("a.b-2", "2026-11-26T12:00:00+00:00"))

    assert [one.id for one in stored_failures(tmp_path)] == ["a.b-2", "a.b-1"]


@pytest.mark.parametrize("content", ["", "{}", '{"id": 1}', "[]"])
def test_a_damaged_file_is_an_error_with_its_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "a.b-1.json").write_text(content)

    with pytest.raises(UsageError, match=r"a\.b-1\.json is not a stored failure"):
        find_failure(tmp_path, "a.b-1")


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UsageError, match="failing clauses cannot be stored in") as caught:
        store(tmp_path / "file" / "failures", failure("a.b-1"))

    assert "--failures" in caught.value.hint


def test_an_id_is_stable_and_distinguishes_fleets_and_tests() -> None:
    one = failure_id("acme", "pad_track.offset", "test_a")

    assert one == failure_id("acme", "pad_track.offset", "test_a")
    others = {
        failure_id("other", "pad_track.offset", "test_a"),
        failure_id("acme", "pad_track.offset", "test_b"),
    }
    assert one.startswith("pad_track.offset-")
    assert len({one, *others}) == 3


def test_a_stored_failure_is_readable_json(tmp_path: Path) -> None:
    path = store(tmp_path, failure("a.b-1"))

    assert json.loads(path.read_text(encoding="utf-8"))["inputs"][0]["sent"]["track_index"] == 10

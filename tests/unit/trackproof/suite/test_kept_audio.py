"""The audio that is kept beside a stored failure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite import kept_audio
from trackproof.suite.kept_audio import is_audio_clause, keep_audio
from trackproof.testbed.s3.object_store import ObjectStore

WEBM, MP3 = b"\x1aE\xdf\xa3 webm", b"ID3 mp3"
RAW = "acme/Raum Ünï/1-cam-audio-1"
PADDED = "transcript-1f2e/padded/0.webm"
MIXDOWN = "transcript-1f2e/audio.mp3"


class Store:
    """Objects by bucket and key."""

    def __init__(self, objects: Mapping[tuple[str, str], bytes]) -> None:
        self._objects = objects

    def keys(self, bucket: str) -> list[str]:
        return [key for where, key in self._objects if where == bucket]

    def history(self, bucket: str, key: str) -> list[Any]:
        content = self._objects.get((bucket, key))
        return [] if content is None else [SimpleNamespace(size=len(content), deleted=False)]

    def read_version(self, bucket: str, key: str) -> bytes:
        return self._objects[bucket, key]


STORE = cast(
    "ObjectStore",
    Store(
        {
            (RECORDING_BUCKET, RAW): WEBM,
            (RECORDING_BUCKET, "acme/other/1-cam-audio-1"): WEBM,
            (TRANSCRIPT_BUCKET, PADDED): WEBM,
            (TRANSCRIPT_BUCKET, MIXDOWN): MP3,
            (TRANSCRIPT_BUCKET, "transcript-1f2e/waveform.json"): b"[0.5]",
            (TRANSCRIPT_BUCKET, "transcript-9999/audio.mp3"): MP3,
        }
    ),
)


def run(sent: Mapping[str, Any], *written: str, task: str = "pad_track") -> TaskRun:
    objects = frozenset(StoredObject(TRANSCRIPT_BUCKET, key) for key in written)
    return cast("TaskRun", SimpleNamespace(task=task, sent=sent, written=objects))


def names(kept: tuple[str, ...]) -> list[str]:
    return [Path(path).name for path in kept]


def test_input_and_output_of_a_task_are_kept(tmp_path: Path) -> None:
    sent = {"s3_key": RAW, "bucket_name": RECORDING_BUCKET, "transcript_id": "transcript-1f2e"}

    kept = keep_audio(tmp_path / "id", [run(sent, PADDED, "transcript-1f2e/waveform.json")], STORE)

    assert names(kept) == [
        "input-00-acme_Raum_n_1-cam-audio-1.webm",
        "output-01-transcript-1f2e_padded_0.webm",
    ]
    assert [Path(path).read_bytes() for path in kept] == [WEBM, WEBM]


def test_inputs_are_found_by_their_presigned_urls(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/transcripts/transcript-1f2e%2Fpadded%2F0.webm?X-Amz-Signature=a"

    kept = keep_audio(tmp_path / "id", [run({"padded_urls": [url]}, MIXDOWN)], STORE)

    assert names(kept) == [
        "input-00-transcript-1f2e_padded_0.webm",
        "output-01-transcript-1f2e_audio.mp3",
    ]


def test_a_whole_meeting_keeps_its_tracks_and_what_became_of_them(tmp_path: Path) -> None:
    sent = {"tracks": [{"s3_key": RAW}], "transcript_id": "transcript-1f2e"}

    kept = keep_audio(tmp_path / "id", [run(sent, task="pipeline")], STORE)

    assert [name.partition("-")[0] for name in names(kept)] == ["input", "output", "output"]


def test_an_earlier_failure_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "id").mkdir()
    (tmp_path / "id" / "output-00-old.mp3").write_bytes(MP3)

    kept = keep_audio(tmp_path / "id", [run({}, MIXDOWN)], STORE)

    assert names(kept) == [path.name for path in (tmp_path / "id").iterdir()]


@pytest.mark.parametrize(("limit", "value"), [("MAX_FILES", 1), ("MAX_BYTES", 10)])
def test_it_is_bounded(
    limit: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_audio, limit, value)

    kept = keep_audio(tmp_path / "id", [run({}, PADDED, MIXDOWN)], STORE)

    assert len(list((tmp_path / "id").iterdir())) == 1
    assert kept[-1].startswith("1 more beyond ")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    [kept] = keep_audio(tmp_path / "file" / "id", [run({}, MIXDOWN)], STORE)

    assert kept.startswith("the rest could not be kept: ")


def test_a_store_that_does_not_answer_is_named(tmp_path: Path) -> None:
    dead = cast("ObjectStore", SimpleNamespace())

    [kept] = keep_audio(tmp_path / "id", [run({}, MIXDOWN)], dead)

    assert kept.startswith("the rest could not be kept: ")


def test_what_was_written_and_is_gone_is_left_out(tmp_path: Path) -> None:
    assert keep_audio(tmp_path / "id", [run({}, "transcript-1f2e/gone.mp3")], STORE) == ()


@pytest.mark.parametrize(
    ("clause", "expected"),
    [("pad_track.offset", True), ("pipeline.joins", True), ("finalize.row", False)],
)
def test_only_clauses_about_audio_have_some(clause: str, expected: bool) -> None:
    assert is_audio_clause(clause) is expected

from __future__ import annotations

import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from fixtures_audio import Track, detect_words_in_file, make_meeting, read_audio
from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.storage import Storage
from reference_workers.workers.pad_track import pad_track
from tests.unit.reference_workers.signals import assert_heard, said, write_picture
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)

PADDED_KEY = f"{TRANSCRIPT_ID}/padded_track_1.webm"


def payload(key: str, *, track_index: int = 1, bucket_name: str = RECORDINGS) -> Json:
    return {
        "track_index": track_index,
        "s3_key": key,
        "bucket_name": bucket_name,
        "transcript_id": TRANSCRIPT_ID,
    }


def late_joiner(offset: float) -> Track:
    return make_meeting(tracks=2, seconds=16, offsets=[0, offset]).tracks[1]


def served(url: str) -> bytes:
    with urllib.request.urlopen(url) as answer:
        content: bytes = answer.read()
    return content


def test_a_track_that_begins_with_the_meeting_is_its_own_padded_track(
    harness: WorkerHarness,
) -> None:
    key = harness.record(late_joiner(0))

    output = harness.completed("pad_track", payload(key))

    assert urlsplit(output["padded_url"]).path == f"/{RECORDINGS}/{key}"
    assert output["size"] == len(harness.s3.read(RECORDINGS, key))
    assert output["track_index"] == 1
    assert harness.s3.keys("transcripts") == []


@pytest.mark.parametrize("offset", [0.001, 1.001, 3.217])
def test_a_late_joiners_words_are_heard_at_their_meeting_time(
    harness: WorkerHarness, offset: float
) -> None:
    track = late_joiner(offset)
    assert track.gaps

    harness.completed("pad_track", payload(harness.record(track)))

    padded = harness.download(PADDED_KEY)
    assert_heard(said(track), detect_words_in_file(padded, add_start_time=False), within=0.001)
    assert read_audio(padded).start_time == 0


def test_the_url_is_valid_for_two_hours_and_serves_what_was_counted(harness: WorkerHarness) -> None:
    output = harness.completed("pad_track", payload(harness.record(late_joiner(2.5))))

    query = parse_qs(urlsplit(output["padded_url"]).query)
    assert query["X-Amz-Expires"] == ["7200"]
    assert len(served(output["padded_url"])) == output["size"] > 0


def test_padding_twice_gives_the_same_object(harness: WorkerHarness) -> None:
    key = harness.record(late_joiner(2.5))

    once = harness.completed("pad_track", payload(key))
    words = detect_words_in_file(harness.download(PADDED_KEY))
    again = harness.completed("pad_track", payload(key))

    assert detect_words_in_file(harness.download(PADDED_KEY)) == words
    assert once["size"] == again["size"]
    assert harness.s3.keys("transcripts") == [PADDED_KEY]


@pytest.mark.parametrize("key", ["räume/日本語/ü+1&2=3%20#?.webm", "a b/c.webm"])
def test_a_key_of_any_characters_is_found(harness: WorkerHarness, key: str) -> None:
    harness.record(late_joiner(1.5))
    path = harness.folder / "recorded-1.webm"
    harness.store(path, key)

    output = harness.completed("pad_track", payload(key))

    assert len(served(output["padded_url"])) == output["size"]


def test_a_missing_track_is_final_and_named(harness: WorkerHarness) -> None:
    outcome = harness.perform("pad_track", payload("standup/nowhere.webm"))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "'standup/nowhere.webm'" in str(outcome.reason)


@pytest.mark.parametrize("bucket_name", ["no-such-bucket", "no bucket at all!"])
def test_a_bucket_that_is_none_is_final(harness: WorkerHarness, bucket_name: str) -> None:
    outcome = harness.perform("pad_track", payload("a.webm", bucket_name=bucket_name))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"


def test_an_object_without_audio_is_final(harness: WorkerHarness) -> None:
    key = harness.store(write_picture(harness.folder / "picture.webm"), "standup/picture.webm")

    with pytest.raises(PermanentError, match="no audio stream"):
        pad_track(harness.context, **payload(key))


@pytest.mark.parametrize("content", [b"", b"not media"])
def test_an_object_that_is_no_media_is_final(harness: WorkerHarness, content: bytes) -> None:
    path = harness.folder / "rubbish"
    path.write_bytes(content)

    with pytest.raises(PermanentError):
        pad_track(harness.context, **payload(harness.store(path, "standup/rubbish.webm")))


def test_a_track_that_was_cut_short_is_not_padded(harness: WorkerHarness) -> None:
    harness.record(late_joiner(2.5))
    path = harness.folder / "recorded-1.webm"
    path.write_bytes(path.read_bytes()[:-20_000])

    outcome = harness.perform("pad_track", payload(harness.store(path, "standup/cut.webm")))

    assert outcome.status != "COMPLETED"
    assert harness.s3.keys("transcripts") == []


def test_an_s3_that_is_not_there_may_come_back(harness: WorkerHarness) -> None:
    gone = harness.clients.settings.model_copy(update={"s3_endpoint_url": "http://127.0.0.1:9"})
    storage = Storage(gone)

    with pytest.raises(TransientError, match=r"no answer \(EndpointConnectionError\)"):
        storage.size("a.webm", bucket=RECORDINGS)
    storage.close()


def test_no_scratch_file_is_left_behind(
    harness: WorkerHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    harness.completed("pad_track", payload(harness.record(late_joiner(2.5))))

    assert list(scratch.iterdir()) == []

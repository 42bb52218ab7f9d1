from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from fixtures_audio import Track, make_meeting
from reference_workers.errors import TransientError
from reference_workers.services.storage import Storage
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)


def payload(key: str, *, track_index: int = 1, bucket_name: str = RECORDINGS) -> Json:
    return {
        "track_index": track_index,
        "s3_key": key,
        "bucket_name": bucket_name,
        "transcript_id": TRANSCRIPT_ID,
    }


def late_joiner(offset: float) -> Track:
    return make_meeting(tracks=2, seconds=4, offsets=[0, offset]).tracks[1]


def download(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        content: bytes = response.read()
    return content


@pytest.mark.parametrize("key", ["räume/日本語/ü+1&2=3%20#?.webm", "a b/c.webm"])
def test_keys_may_contain_any_characters(harness: WorkerHarness, key: str) -> None:
    harness.record(late_joiner(1.5))
    path = harness.folder / "recorded-1.webm"
    harness.store(path, key)

    output = harness.completed("pad_track", payload(key))

    assert len(download(output["padded_url"])) == output["size"]


@pytest.mark.parametrize("bucket_name", ["no-such-bucket", "no bucket at all!"])
def test_an_invalid_bucket_is_a_permanent_failure(harness: WorkerHarness, bucket_name: str) -> None:
    outcome = harness.execute("pad_track", payload("a.webm", bucket_name=bucket_name))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"


def test_an_unreachable_s3_is_a_transient_failure(harness: WorkerHarness) -> None:
    unreachable = harness.clients.settings.model_copy(
        update={"s3_endpoint_url": "http://127.0.0.1:9"}
    )
    storage = Storage(unreachable)

    with pytest.raises(TransientError, match=r"no answer \(EndpointConnectionError\)"):
        storage.size("a.webm", bucket=RECORDINGS)
    storage.close()


def test_scratch_files_are_deleted(
    harness: WorkerHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    harness.completed("pad_track", payload(harness.record(late_joiner(2.5))))

    assert list(scratch.iterdir()) == []

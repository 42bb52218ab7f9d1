from __future__ import annotations

import sys

import pytest

from fixtures_audio import Meeting, make_meeting
from reference_workers.errors import PermanentError
from reference_workers.workers.mixdown_tracks import mixdown_tracks
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)

AUDIO_KEY = f"{TRANSCRIPT_ID}/audio.mp3"


@pytest.fixture
def meeting() -> Meeting:
    return make_meeting(tracks=1, seconds=3)


def urls(harness: WorkerHarness, meeting: Meeting) -> list[str]:
    return [harness.s3.presign(RECORDINGS, harness.record(track)) for track in meeting.tracks]


def payload(padded_urls: list[str]) -> Json:
    return {"padded_urls": padded_urls, "transcript_id": TRANSCRIPT_ID}


def test_the_objects_content_type_is_mp3(harness: WorkerHarness, meeting: Meeting) -> None:
    harness.completed("mixdown_tracks", payload(urls(harness, meeting)))

    head = harness.s3.client().head_object(Bucket="transcripts", Key=AUDIO_KEY)
    assert head["ContentType"] == "audio/mpeg"


def test_a_retry_presigns_expired_urls_again(
    harness: WorkerHarness, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = urls(harness, meeting)[0].partition("?")[0]
    stale = f"{path}?X-Amz-Date=20200101T000000Z&X-Amz-Expires=7200&X-Amz-Signature=old"
    opened: list[str] = []

    def record(sources: list[str], target: object) -> float:
        opened.extend(sources)
        raise PermanentError("stop")

    monkeypatch.setattr(sys.modules[mixdown_tracks.__module__], "write_mixdown", record)
    with pytest.raises(PermanentError, match="stop"):
        mixdown_tracks(harness.context, padded_urls=[stale], transcript_id=TRANSCRIPT_ID)

    assert opened[0].startswith(f"{path}?")
    assert "X-Amz-Expires=7200" in opened[0]
    assert "Signature=old" not in opened[0]
    assert "20200101" not in opened[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/track.webm?signature=theirs",
        "https://127.0.0.1/recordings/track.webm",
        "http://127.0.0.1:9/recordings/track.webm?X-Amz-Signature=theirs",
    ],
)
def test_a_foreign_url_is_not_presigned(harness: WorkerHarness, url: str) -> None:
    assert harness.clients.storage.presign_again(url) == url

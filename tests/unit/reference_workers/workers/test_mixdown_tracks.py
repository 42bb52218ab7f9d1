from __future__ import annotations

import sys

import pytest

from fixtures_audio import Meeting, detect_words_in_file, make_meeting
from reference_workers.errors import PermanentError
from reference_workers.workers.mixdown_tracks import mixdown_tracks
from tests.unit.reference_workers.signals import (
    assert_heard,
    in_track,
    said,
    silence,
    write_picture,
    write_sound,
)
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)

AUDIO_KEY = f"{TRANSCRIPT_ID}/audio.mp3"


@pytest.fixture
def meeting() -> Meeting:
    return make_meeting(tracks=3, seconds=10, offsets=[0, 0, 0])


def urls(harness: WorkerHarness, meeting: Meeting) -> list[str]:
    return [harness.s3.presign(RECORDINGS, harness.record(track)) for track in meeting.tracks]


def payload(padded_urls: list[str]) -> Json:
    return {"padded_urls": padded_urls, "transcript_id": TRANSCRIPT_ID}


def test_all_words_of_all_tracks_are_in_the_mixdown(
    harness: WorkerHarness, meeting: Meeting
) -> None:
    output = harness.completed("mixdown_tracks", payload(urls(harness, meeting)))

    heard = detect_words_in_file(harness.download(AUDIO_KEY))
    for track in meeting.tracks:
        assert_heard(said(track), in_track(track, heard), within=0.003)
    assert output["audio_key"] == AUDIO_KEY
    assert output["duration"] == pytest.approx(meeting.duration, abs=0.03)
    assert output["size"] == len(harness.s3.read("transcripts", AUDIO_KEY))


def test_the_duration_reaches_the_row_and_the_event(
    harness: WorkerHarness, meeting: Meeting
) -> None:
    output = harness.completed("mixdown_tracks", payload(urls(harness, meeting)[:1]))

    assert harness.transcript().duration == output["duration"]
    assert harness.events("DURATION") == [{"duration": output["duration"]}]


def test_the_object_says_that_it_is_an_mp3(harness: WorkerHarness, meeting: Meeting) -> None:
    harness.completed("mixdown_tracks", payload(urls(harness, meeting)[:1]))

    head = harness.s3.client().head_object(Bucket="transcripts", Key=AUDIO_KEY)
    assert head["ContentType"] == "audio/mpeg"


@pytest.mark.parametrize(
    "spoilt",
    [
        "{path}",
        "{path}?X-Amz-Signature=garbled",
        "{path}?X-Amz-Date=20200101T000000Z&X-Amz-Expires=7200&X-Amz-Signature=old",
    ],
    ids=["unsigned", "garbled", "expired"],
)
def test_a_late_retry_signs_our_own_urls_anew(
    harness: WorkerHarness, meeting: Meeting, spoilt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = spoilt.format(path=urls(harness, meeting)[0].partition("?")[0])
    opened: list[str] = []

    def note(sources: list[str], target: object) -> float:
        opened.extend(sources)
        raise PermanentError("far enough")

    monkeypatch.setattr(sys.modules[mixdown_tracks.__module__], "write_mixdown", note)
    with pytest.raises(PermanentError, match="far enough"):
        mixdown_tracks(harness.context, padded_urls=[stale], transcript_id=TRANSCRIPT_ID)

    assert opened[0].startswith(stale.partition("?")[0] + "?")
    assert "X-Amz-Expires=7200" in opened[0]
    assert "garbled" not in opened[0]
    assert "20200101" not in opened[0]


def test_a_garbled_signature_still_leads_to_the_mixdown(
    harness: WorkerHarness, meeting: Meeting
) -> None:
    stale = [url.partition("?")[0] + "?X-Amz-Signature=garbled" for url in urls(harness, meeting)]

    assert harness.completed("mixdown_tracks", payload(stale))["duration"] > 9


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/track.webm?signature=theirs",
        "https://127.0.0.1/recordings/track.webm",
        "http://127.0.0.1:9/recordings/track.webm?X-Amz-Signature=theirs",
    ],
)
def test_a_foreign_url_is_left_alone(harness: WorkerHarness, url: str) -> None:
    assert harness.clients.storage.freshly_signed(url) == url


def test_a_track_that_cannot_be_opened_fails_the_mixdown(
    harness: WorkerHarness, meeting: Meeting
) -> None:
    lost = harness.s3.presign(RECORDINGS, "standup/nowhere.webm")

    outcome = harness.perform("mixdown_tracks", payload([*urls(harness, meeting), lost]))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "X-Amz" not in str(outcome.reason)
    assert harness.s3.keys("transcripts") == []


def test_a_track_without_audio_fails_the_mixdown(harness: WorkerHarness) -> None:
    good = harness.store(write_sound(silence(1), harness.folder / "good.webm"), "good.webm")
    bad = harness.store(write_picture(harness.folder / "bad.webm"), "bad.webm")
    padded = [harness.s3.presign(RECORDINGS, key) for key in (good, bad)]

    with pytest.raises(PermanentError):
        mixdown_tracks(harness.context, padded_urls=padded, transcript_id=TRANSCRIPT_ID)


@pytest.mark.parametrize("padded_urls", [[], ["https://x.test"] * 65, [""], None])
def test_no_tracks_or_too_many_are_refused(harness: WorkerHarness, padded_urls: list[str]) -> None:
    outcome = harness.perform("mixdown_tracks", payload(padded_urls))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert str(outcome.reason).startswith("mixdown_tracks: input at /padded_urls")

from __future__ import annotations

import json
from typing import Any

import pytest

from fixtures_audio import make_meeting
from reference_workers.errors import PermanentError, TransientError
from reference_workers.workers.transcribe_track import transcribe_track
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)
from trackproof.testbed.stand_ins import Fault

URL = "http://127.0.0.1:1/track.webm"  # nobody listens: only the service can reach it


def transcribe(harness: WorkerHarness, *, track_index: int = 0, audio_url: str = URL) -> Json:
    return transcribe_track(
        harness.context,
        track_index=track_index,
        audio_url=audio_url,
        language="en",
        transcript_id=TRANSCRIPT_ID,
    )


def answering(harness: WorkerHarness, words: Any) -> None:
    """Have Modal answer these words."""
    body = json.dumps({"text": "…", "words": words})
    harness.stand_ins.faults.add(Fault(service="modal", body=body))


def test_every_word_of_a_track_is_told_in_time_order_with_its_speaker(
    harness: WorkerHarness,
) -> None:
    track = make_meeting(tracks=2, seconds=10, offsets=[0, 0]).tracks[1]
    harness.record(track)
    url = harness.s3.presign(RECORDINGS, f"standup/track-{track.index}-cam-audio-1")

    output = harness.completed(
        "transcribe_track", {"track_index": 1, "audio_url": url, "language": "en"}
    )

    assert [word["word"] for word in output["words"]] == [word.text for word in track.words]
    assert [word["start"] for word in output["words"]] == [
        pytest.approx(word.start, abs=0.002) for word in track.words
    ]
    assert {word["speaker"] for word in output["words"]} == {1}
    assert output["track_index"] == 1


def test_words_are_sorted_and_lose_the_space_around_them(harness: WorkerHarness) -> None:
    answering(
        harness,
        [
            {"word": "world ", "start": 2, "end": 2.5},
            {"word": " hello", "start": 1, "end": 1.5},
        ],
    )

    assert transcribe(harness, track_index=7)["words"] == [
        {"word": "hello", "start": 1.0, "end": 1.5, "speaker": 7},
        {"word": "world", "start": 2.0, "end": 2.5, "speaker": 7},
    ]


def test_a_silent_track_has_no_words(harness: WorkerHarness) -> None:
    answering(harness, [])

    assert transcribe(harness) == {"words": [], "track_index": 0}


def test_a_word_of_blanks_only_is_no_word(harness: WorkerHarness) -> None:
    answering(
        harness,
        [{"word": " ", "start": 0, "end": 1}, {"word": "yes", "start": 1, "end": 2}],
    )

    output = harness.completed("transcribe_track", {"track_index": 0, "audio_url": URL})

    assert [word["word"] for word in output["words"]] == ["yes"]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"text": "no words"}',
        '{"words": null}',
        '{"words": "hello"}',
        '{"words": [null]}',
        '{"words": [{"text": "wrong key", "start": 0, "end": 1}]}',
        '{"words": [{"word": "a", "start": null, "end": 1}]}',
        '{"words": [{"word": "a", "start": "soon", "end": 1}]}',
        '{"words": [{"word": 5, "start": 0, "end": 1}]}',
    ],
)
def test_a_200_with_rubbish_is_retried(harness: WorkerHarness, body: str) -> None:
    harness.stand_ins.faults.add(Fault(service="modal", body=body))

    with pytest.raises(TransientError):
        transcribe(harness)


@pytest.mark.parametrize("start", ["-1", "NaN", "Infinity", "1e999"])
def test_a_time_that_is_none_is_retried_too(harness: WorkerHarness, start: str) -> None:
    body = f'{{"words": [{{"word": "a", "start": {start}, "end": 1}}]}}'
    harness.stand_ins.faults.add(Fault(service="modal", body=body))

    outcome = harness.execute("transcribe_track", {"track_index": 0, "audio_url": URL})

    assert outcome.status == "FAILED"


@pytest.mark.parametrize(
    "fault",
    [Fault(service="modal", status=s) for s in (500, 503, 429)]
    + [Fault(service="modal", drop=True)],
    ids=["500", "503", "429", "drop"],
)
def test_a_service_that_fails_for_now_is_asked_again(harness: WorkerHarness, fault: Fault) -> None:
    harness.stand_ins.faults.add(fault)

    with pytest.raises(TransientError):
        transcribe(harness)


def test_a_refusal_is_final(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="modal", status=422))

    with pytest.raises(PermanentError, match="422"):
        transcribe(harness)


def test_the_service_is_told_the_language_and_to_work_in_batch(harness: WorkerHarness) -> None:
    answering(harness, [])

    harness.completed("transcribe_track", {"track_index": 0, "audio_url": URL, "language": "el"})

    (request,) = harness.stand_ins.ledger.requests("modal")
    assert request.json == {"audio_file_url": URL, "language": "el", "batch": True}


def test_our_own_url_is_signed_anew_for_a_late_retry(harness: WorkerHarness) -> None:
    answering(harness, [])
    stale = (
        f"{harness.s3.endpoint}/transcripts/transcript-1/padded_track_0.webm?X-Amz-Signature=old"
    )

    transcribe(harness, audio_url=stale)

    (request,) = harness.stand_ins.ledger.requests("modal")
    sent = request.json["audio_file_url"]
    assert sent.startswith(stale.partition("?")[0] + "?")
    assert "X-Amz-Signature=old" not in sent
    assert "X-Amz-Expires=7200" in sent

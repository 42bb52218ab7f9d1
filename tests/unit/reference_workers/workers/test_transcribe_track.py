from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from fixtures_audio import make_meeting
from reference_workers.errors import TransientError
from reference_workers.workers.transcribe_track import transcribe_track
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
)
from trackproof.testbed.stand_ins import Fault

# The package exports the worker under the name of its module.
transcribe_track_module = sys.modules["reference_workers.workers.transcribe_track"]

URL = "http://127.0.0.1:1/track.webm"  # unreachable for the fleet


def transcribe(harness: WorkerHarness, *, track_index: int = 0, audio_url: str = URL) -> Json:
    return transcribe_track(
        harness.context,
        track_index=track_index,
        audio_url=audio_url,
        language="en",
        transcript_id=TRANSCRIPT_ID,
    )


def transcription_is(harness: WorkerHarness, words: Any) -> None:
    """Let Modal answer with these words."""
    body = json.dumps({"text": "…", "words": words})
    harness.stand_ins.faults.add(Fault(service="modal", body=body))


def test_blank_words_are_dropped(harness: WorkerHarness) -> None:
    transcription_is(
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
        '{"words": [{"word": 5, "start": 0, "end": 1}]}',
    ],
)
def test_an_invalid_response_is_retried(harness: WorkerHarness, body: str) -> None:
    harness.stand_ins.faults.add(Fault(service="modal", body=body))

    with pytest.raises(TransientError):
        transcribe(harness)


@pytest.mark.parametrize("start", ["-1", "NaN", "Infinity", "1e999", "null", '"soon"', "true"])
def test_an_unusable_time_costs_no_word(harness: WorkerHarness, start: str) -> None:
    body = f'{{"words": [{{"word": "a", "start": {start}, "end": 1}}]}}'
    harness.stand_ins.faults.add(Fault(service="modal", body=body))

    output = harness.completed("transcribe_track", {"track_index": 0, "audio_url": URL})

    (word,) = output["words"]
    assert word["word"] == "a"
    assert 0 <= word["start"] <= word["end"]


def test_a_poisoned_cache_entry_is_replaced(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = harness.record(make_meeting(tracks=1, seconds=3).tracks[0])
    url = harness.s3.presign("recordings", key)
    cache_text = [{"word": "bad", "start": -1.0, "end": 0.0}]
    with monkeypatch.context() as patch:  # as an earlier release stored it
        patch.setattr(transcribe_track_module, "recognised_words", lambda _: cache_text)
        patch.setattr(transcribe_track_module, "_are_words", lambda _: True)
        transcribe(harness, audio_url=url)

    output = harness.completed("transcribe_track", {"track_index": 0, "audio_url": url})

    assert harness.calls("modal") == 2
    assert "bad" not in [word["word"] for word in output["words"]]


def test_a_retry_presigns_an_expired_url_again(harness: WorkerHarness) -> None:
    transcription_is(harness, [])
    stale = (
        f"{harness.s3.endpoint}/transcripts/transcript-1/padded_track_0.webm?X-Amz-Signature=old"
    )

    transcribe(harness, audio_url=stale)

    (request,) = harness.stand_ins.ledger.requests("modal")
    sent = request.json["audio_file_url"]
    assert sent.startswith(stale.partition("?")[0] + "?")
    assert "X-Amz-Signature=old" not in sent
    assert "X-Amz-Expires=7200" in sent

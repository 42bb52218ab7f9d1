"""Workers use cached answers instead of calling services again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from fixtures_audio import make_meeting
from reference_workers.platform.state.cache import Cache
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    WorkerHarness,
    topic,
    words,
)
from trackproof.testbed.stand_ins import Fault

pytestmark = pytest.mark.slow

Json = dict[str, Any]


def recorded(harness: WorkerHarness, index: int = 0, *, seed: int = 0) -> str:
    track = make_meeting(tracks=2, seconds=3, offsets=[0, 0], seed=seed).tracks[index]
    return harness.record(track)


def transcription(
    harness: WorkerHarness, key: str, *, track_index: int = 0, language: str = "en"
) -> Json:
    url = harness.s3.presign(RECORDINGS, key)
    return {"track_index": track_index, "audio_url": url, "language": language}


def llm_tasks(language: str = "en") -> dict[str, Json]:
    common = {"transcript_id": TRANSCRIPT_ID}
    return {
        "detect_topics": {"words": words(310), "target_language": language, **common},
        "generate_title": {"topics": [topic()], **common},
        "generate_summary": {"words": words(12), "topics": [topic()], **common},
    }


@pytest.mark.parametrize("task", list(llm_tasks()))
def test_a_second_run_makes_no_llm_calls(task: str, harness: WorkerHarness) -> None:
    first = harness.completed(task, llm_tasks()[task])
    calls = harness.calls("llm")

    again = harness.completed(task, llm_tasks()[task])

    assert calls > 0
    assert harness.calls("llm") == calls
    assert again == first


def test_the_language_is_part_of_the_prompts_key(harness: WorkerHarness) -> None:
    harness.completed("detect_topics", llm_tasks("en")["detect_topics"])
    calls = harness.calls("llm")

    harness.completed("detect_topics", llm_tasks("de")["detect_topics"])

    assert harness.calls("llm") == 2 * calls


def test_a_retried_summary_repeats_only_failed_calls(harness: WorkerHarness) -> None:
    payload = llm_tasks()["generate_summary"]
    whole = harness.completed("generate_summary", {**payload, "words": words(13)})
    calls_of_one = harness.calls("llm")
    harness.stand_ins.ledger.clear()
    # The last call fails once, after all others succeeded.
    harness.stand_ins.faults.add(Fault(service="llm", delay=0.001, times=calls_of_one - 1))
    harness.stand_ins.faults.add(Fault(service="llm", status=503, times=1))

    outcome = harness.execute("generate_summary", payload)
    again = harness.completed("generate_summary", payload)

    assert outcome.status == "FAILED"
    assert harness.calls("llm") == calls_of_one + 1
    assert again.keys() == whole.keys()


def test_the_same_audio_is_transcribed_once_for_all_urls_and_tracks(
    harness: WorkerHarness,
) -> None:
    key = recorded(harness)
    first = harness.completed("transcribe_track", transcription(harness, key))

    again = harness.completed("transcribe_track", transcription(harness, key, track_index=7))

    assert harness.calls("modal") == 1
    assert again["words"] == [{**word, "speaker": 7} for word in first["words"]]


def test_changed_audio_is_transcribed_again(harness: WorkerHarness) -> None:
    key = recorded(harness, seed=1)
    first = harness.completed("transcribe_track", transcription(harness, key))

    assert recorded(harness, seed=2) == key
    second = harness.completed("transcribe_track", transcription(harness, key))

    assert harness.calls("modal") == 2
    assert first["words"] != second["words"]


def test_the_language_is_part_of_a_transcriptions_key(harness: WorkerHarness) -> None:
    key = recorded(harness)

    for language in ("en", "fr", "en"):
        harness.completed("transcribe_track", transcription(harness, key, language=language))

    assert harness.calls("modal") == 2


def test_the_model_is_part_of_a_transcriptions_key(harness: WorkerHarness) -> None:
    key = recorded(harness)
    harness.completed("transcribe_track", transcription(harness, key))
    newer = harness.clients.settings.model_copy(update={"transcript_model": "newer"})
    with_newer = replace(harness, clients=replace(harness.clients, settings=newer))

    with_newer.completed("transcribe_track", transcription(harness, key))

    assert harness.calls("modal") == 2


def test_concurrent_workers_share_one_transcription(harness: WorkerHarness) -> None:
    payload = transcription(harness, recorded(harness))
    harness.stand_ins.faults.add(Fault(service="modal", delay=0.2))
    own_cache = Cache(harness.clients.state, max_bytes=10**6, max_age_seconds=60)
    harnesses = [harness, replace(harness, clients=replace(harness.clients, cache=own_cache))]

    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda one: one.completed("transcribe_track", payload), harnesses))

    assert harness.calls("modal") == 1
    assert outputs[0] == outputs[1]


def test_audio_that_the_fleet_cannot_read_is_transcribed(
    harness: WorkerHarness,
) -> None:
    body = '{"words": [{"word": "hello", "start": 1, "end": 2}]}'
    harness.stand_ins.faults.add(Fault(service="modal", body=body))
    payload = {"track_index": 0, "audio_url": "http://127.0.0.1:1/a.webm", "language": "en"}

    output = harness.completed("transcribe_track", payload)

    assert [word["word"] for word in output["words"]] == ["hello"]

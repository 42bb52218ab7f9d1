"""Clauses of contracts/tasks/transcribe_track.yaml."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness

TASK = "transcribe_track"

Word = dict[str, Any]


def transcribe(harness: Harness, meeting: Scenario, track: int = 0, **fields: Any) -> TaskRun:
    url = harness.testbed.s3.presign(
        RECORDING_BUCKET, meeting.track_keys[track], expires_in=PRESIGN_SECONDS
    )
    payload = {"track_index": track, "audio_url": url, "language": "en"}
    return harness.run_task(TASK, {**payload, "transcript_id": meeting.transcript_id, **fields})


def transcribe_answer(harness: Harness, seed: int, **answer: Any) -> TaskRun:
    """Run the task on a new meeting; the transcription service answers with these fields."""
    meeting = harness.meeting(seed=seed)
    harness.break_service("modal", body=json.dumps(answer))
    return transcribe(harness, meeting)


def words_of(run: TaskRun) -> list[Word]:
    return run.output.get("words") or []


@pytest.mark.clause("transcribe_track.calls-modal")
@pytest.mark.parametrize(("language", "seed"), [("fr", 101), ("de", 102)])
def test_one_call_has_url_and_language(language: str, seed: int, harness: Harness) -> None:
    meeting = harness.meeting(seed=seed)

    run = transcribe(harness, meeting, language=language)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    calls = run.requests_to("modal")
    expect(len(calls), "calls to the transcription service").equals(1)
    expect(calls[0].json.get("language"), "language").equals(language)
    expect(calls[0].json.get("audio_file_url"), "audio_file_url").contains(meeting.track_keys[0])


@pytest.mark.clause("transcribe_track.calls-modal")
def test_second_run_of_the_same_track_makes_no_call(harness: Harness) -> None:
    meeting = harness.meeting(seed=103)
    first = transcribe(harness, meeting)
    expect(words_of(first), "words of the first run").is_filled()

    second = transcribe(harness, meeting)

    expect(second.output, "output of the second run").equals(first.output)
    calls = len(first.requests_to("modal")) + len(second.requests_to("modal"))
    expect(calls, "calls to the transcription service in both runs").equals(1)


@pytest.mark.clause("transcribe_track.speaker")
def test_every_word_has_its_speaker_and_no_white_space(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3, seed=104, offsets=[0, 0, 0])

    run = transcribe(harness, meeting, 2)

    spoken = [word.text for word in meeting.meeting.tracks[2].words]
    expect({word.get("speaker") for word in words_of(run)}, "speakers").equals({2})
    expect([word.get("word") for word in words_of(run)], "words").equals(spoken)
    expect(run.output.get("track_index"), "track_index").equals(2)


@pytest.mark.clause("transcribe_track.sorted")
def test_words_are_sorted_by_start(harness: Harness) -> None:
    words = [
        {"word": text, "start": start, "end": start + 0.1}
        for text, start in (("b", 2.0), ("a", 10.0), ("c", 1.0))
    ]

    run = transcribe_answer(harness, 105, words=words)

    starts = [word.get("start") for word in words_of(run)]
    expect(starts, "start of each word").equals([1.0, 2.0, 10.0])


@pytest.mark.clause("transcribe_track.empty")
def test_track_without_speech_completes_without_words(harness: Harness) -> None:
    run = transcribe_answer(harness, 106, text="", words=[])

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").equals({"words": [], "track_index": 0})


@pytest.mark.clause("transcribe_track.large-meeting")
def test_10_000_words_are_returned_unchanged(harness: Harness) -> None:
    words = [
        {"word": f"word{index}", "start": index / 2, "end": index / 2 + 0.25}
        for index in range(10_000)
    ]

    run = transcribe_answer(harness, 107, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(words_of(run)), "number of words").equals(len(words))
    changed = [
        word
        for word, returned in zip(words, words_of(run), strict=True)
        if returned != {**word, "speaker": 0}
    ]
    expect(changed, "words that differ from the service's answer").equals([])

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


def transcribed(harness: Harness, meeting: Scenario, track: int = 0, **fields: Any) -> TaskRun:
    url = harness.testbed.s3.presign(
        RECORDING_BUCKET, meeting.track_keys[track], expires_in=PRESIGN_SECONDS
    )
    payload = {"track_index": track, "audio_url": url, "language": "en"}
    return harness.run_task(TASK, {**payload, "transcript_id": meeting.transcript_id, **fields})


def words_of(run: TaskRun) -> list[dict[str, Any]]:
    return run.output.get("words") or []


@pytest.mark.clause("transcribe_track.calls-modal")
@pytest.mark.parametrize(("language", "seed"), [("fr", 101), ("de", 102)])
def test_the_service_is_asked_once_in_the_meetings_language(
    language: str, seed: int, harness: Harness
) -> None:
    meeting = harness.meeting(seed=seed)

    run = transcribed(harness, meeting, language=language)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    asked = run.asked("modal")
    expect(len(asked), "calls to the transcription service").equals(1)
    expect(asked[0].json.get("language"), "language").equals(language)
    expect(asked[0].json.get("audio_file_url"), "audio_file_url").contains(meeting.track_keys[0])


@pytest.mark.clause("transcribe_track.calls-modal")
def test_the_same_track_again_costs_no_second_call(harness: Harness) -> None:
    meeting = harness.meeting(seed=103)
    first = transcribed(harness, meeting)

    again = transcribed(harness, meeting)

    expect(again.output, "output of the second run").equals(first.output)
    expect(len(first.asked("modal")) + len(again.asked("modal")), "calls in both runs").equals(1)


@pytest.mark.clause("transcribe_track.speaker")
def test_every_word_carries_its_track_and_no_white_space(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3, seed=104, offsets=[0, 0, 0])

    run = transcribed(harness, meeting, 2)

    said = [word.text for word in meeting.meeting.tracks[2].words]
    expect({word.get("speaker") for word in words_of(run)}, "speakers").equals({2})
    expect([word.get("word") for word in words_of(run)], "words").equals(said)
    expect(run.output.get("track_index"), "track_index").equals(2)


@pytest.mark.clause("transcribe_track.sorted")
def test_the_words_are_in_order_of_their_start(harness: Harness) -> None:
    meeting = harness.meeting(seed=105)
    listed = [
        {"word": text, "start": start, "end": start + 0.1}
        for text, start in (("b", 2.0), ("a", 10.0), ("c", 1.0))
    ]
    harness.break_service("modal", body=json.dumps({"words": listed}))

    run = transcribed(harness, meeting)

    expect([word.get("start") for word in words_of(run)], "starts").equals([1.0, 2.0, 10.0])


@pytest.mark.clause("transcribe_track.empty")
def test_no_speech_gives_no_words_and_no_failure(harness: Harness) -> None:
    meeting = harness.meeting(seed=106)
    harness.break_service("modal", body=json.dumps({"text": "", "words": []}))

    run = transcribed(harness, meeting)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(run.output, "output").equals({"words": [], "track_index": 0})


@pytest.mark.clause("transcribe_track.large-meeting")
def test_a_long_track_comes_back_whole(harness: Harness) -> None:
    meeting = harness.meeting(seed=107)
    listed = [
        {"word": f"word{place}", "start": place / 2, "end": place / 2 + 0.25}
        for place in range(10_000)
    ]
    harness.break_service("modal", body=json.dumps({"words": listed}))

    run = transcribed(harness, meeting)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    found = words_of(run)
    expect(len(found), "words").equals(len(listed))
    expect(found == [{**word, "speaker": 0} for word in listed], "all as told").equals(True)

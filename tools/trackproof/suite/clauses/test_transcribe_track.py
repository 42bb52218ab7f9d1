"""Clauses of contracts/tasks/transcribe_track.yaml."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.equality import has_value
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.outside_calls import fresh_seed
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness

TASK = "transcribe_track"

Word = dict[str, Any]

UNCLEAN = {
    "hi\ud83d": "hi\N{REPLACEMENT CHARACTER}",
    "nul\x00l": "null",
    "${workflow.input}": "${workflow.input}",
    "<b>&amp;": "<b>&amp;",
}
"""Words of a recogniser and what should come of them."""


def transcribe(harness: Harness, meeting: Scenario, track: int = 0, **fields: Any) -> TaskRun:
    url = harness.testbed.s3.presign(
        RECORDING_BUCKET, meeting.track_keys[track], expires_in=PRESIGN_SECONDS
    )
    payload = {"track_index": track, "audio_url": url, "language": "en"}
    return harness.run_task(TASK, {**payload, "transcript_id": meeting.transcript_id, **fields})


def transcribe_answer(harness: Harness, **answer: Any) -> TaskRun:
    """Run the task on a new meeting; the transcription service answers with these fields."""
    meeting = harness.meeting(seed=fresh_seed())
    harness.break_service("modal", body=json.dumps(answer))
    return transcribe(harness, meeting)


def words_of(run: TaskRun) -> list[Word]:
    return run.output.get("words") or []


@pytest.mark.clause("transcribe_track.calls-modal")
@pytest.mark.parametrize("language", ["fr", "de"])
def test_one_call_has_url_and_language(language: str, harness: Harness) -> None:
    meeting = harness.meeting(seed=fresh_seed())

    run = transcribe(harness, meeting, language=language)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    calls = run.requests_to("modal")
    expect(len(calls), "calls to the transcription service").equals(1)
    expect(calls[0].json.get("language"), "language").equals(language)
    expect(calls[0].json.get("audio_file_url"), "audio_file_url").contains(meeting.track_keys[0])


@pytest.mark.clause("transcribe_track.calls-modal")
def test_second_run_of_the_same_track_makes_no_call(harness: Harness) -> None:
    meeting = harness.meeting(seed=fresh_seed())
    first = transcribe(harness, meeting)
    expect(words_of(first), "words of the first run").is_filled()

    second = transcribe(harness, meeting)

    expect(second.output, "output of the second run").equals(first.output)
    calls = len(first.requests_to("modal")) + len(second.requests_to("modal"))
    expect(calls, "calls to the transcription service in both runs").equals(1)


@pytest.mark.clause("transcribe_track.speaker")
def test_every_word_has_its_speaker_and_no_white_space(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3, seed=fresh_seed(), offsets=[0, 0, 0])

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

    run = transcribe_answer(harness, words=words)

    starts = [word.get("start") for word in words_of(run)]
    expect(starts, "start of each word").equals([1.0, 2.0, 10.0])


@pytest.mark.clause("transcribe_track.empty")
def test_track_without_speech_completes_without_words(harness: Harness) -> None:
    run = transcribe_answer(harness, text="", words=[])

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").has({"words": [], "track_index": 0})


@pytest.mark.clause("transcribe_track.large-meeting")
def test_10_000_words_are_returned_unchanged(harness: Harness) -> None:
    words = [
        {"word": f"word{index}", "start": index / 2, "end": index / 2 + 0.25}
        for index in range(10_000)
    ]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(words_of(run)), "number of words").equals(len(words))
    changed = [
        word
        for word, returned in zip(words, words_of(run), strict=True)
        if not has_value(returned, {**word, "speaker": 0})
    ]
    expect(changed, "words that differ from the service's answer").equals([])


@pytest.mark.clause("transcribe_track.unusable-times")
@pytest.mark.parametrize(
    "times",
    [{}, {"start": None, "end": None}, {"start": "", "end": "soon"}],
    ids=["none", "null", "text"],
)
def test_a_word_without_times_stands_between_its_neighbours(
    times: dict[str, Any], harness: Harness
) -> None:
    words = [
        {"word": "owe", "start": 1.3, "end": 1.5},
        {"word": "2026,", **times},
        {"word": "now", "start": 2.4, "end": 2.6},
    ]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect([word.get("word") for word in words_of(run)], "words").equals(["owe", "2026,", "now"])
    untimed = words_of(run)[1]
    start, end = float(untimed.get("start") or 0), float(untimed.get("end") or 0)
    expect((start, end), "times of the word without times").holds(
        1.3 <= start <= end <= 2.6,
        "a start and an end between its neighbours",
    )


@pytest.mark.clause("transcribe_track.unusable-times")
@pytest.mark.parametrize(("start", "end"), [(-0.02, 0.2), (126.66, 102.96), (-2.0, -1.0)], ids=str)
def test_an_impossible_time_costs_no_word(start: float, end: float, harness: Harness) -> None:
    run = transcribe_answer(harness, words=[{"word": "guys", "start": start, "end": end}])

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    words = words_of(run)
    expect(words, "words").holds(
        len(words) == 1 and 0 <= float(words[0]["start"]) <= float(words[0]["end"]),
        "one word, 0 <= start <= end",
    )


@pytest.mark.clause("transcribe_track.clean-text")
def test_text_that_stores_refuse_is_cleaned(harness: Harness) -> None:
    words = [{"word": text, "start": n, "end": n + 0.5} for n, text in enumerate(UNCLEAN)]

    run = transcribe_answer(harness, words=words)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect([word.get("word") for word in words_of(run)], "words").equals([*UNCLEAN.values()])

"""The rules for every run: a right run breaks none, a wrong one the rule that it breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from trackproof.runs.task_run import Attempt, StoredObject, TaskRun
from trackproof.suite.run_rules import Visibility, broken_rules
from trackproof.testbed.stand_ins.ledger import Request

ALL = Visibility(rows=True, events=True, requests=True)
WORDS = [
    {"word": "tide", "start": 0.5, "end": 0.9, "speaker": 1},
    {"word": "Ebbe", "start": 0.5, "end": 0.7, "speaker": 0},
]
TOPIC = {"id": "t", "title": "T", "summary": "", "timestamp": 0.5, "duration": 0.4}


def request(service: str, path: str, answer: object = None, **more: Any) -> Request:
    response = json.dumps(answer).encode()
    body = b'{"audio_file_url": "http://other/b?signed"}'
    return Request(0, service, "POST", path, {}, (), body, 0.0, 200, response, **more)


def make_run(task: str, sent: Mapping[str, Any], output: Mapping[str, Any], **more: Any) -> TaskRun:
    attempt = Attempt("COMPLETED", "", "w", 0, 0.0, 0.0, output)
    fields: dict[str, Any] = {
        "task": task,
        "sent": {"transcript_id": "x", **sent},
        "workflow_id": "w",
        "workflow_status": "COMPLETED",
        "attempts": (attempt,),
        "events": (),
        "requests": (),
        "transcript": {},
        "written": frozenset(),
        "deleted": frozenset(),
        "log": "",
        "seconds": 0.0,
        "transcript_id": "x",
    }
    return TaskRun(**{**fields, **more})


MERGED = make_run(
    "merge_transcripts",
    {"transcripts": {"b": {"words": WORDS[:1]}, "a": {"words": WORDS[1:]}}},
    {"all_words": WORDS[::-1], "word_count": 2},
    transcript={"words": [{**one, "confidence": 1} for one in WORDS[::-1]], "title": "Old"},
    transcript_before={"words": None, "title": "Old"},
    events=(("TRANSCRIPT", {"text": "Ebbe tide", "translation": None, "more": 1}), ("own", {})),
)
TOPICS = make_run(
    "detect_topics",
    {"words": WORDS},
    {"topics": [TOPIC]},
    transcript={"topics": [TOPIC]},
    transcript_before={"topics": []},
    events=[("TOPIC", TOPIC)],
)
ENDED = make_run(
    "finalize",
    {"title": "T", "summary": "", "short_summary": "S", "duration": 8},
    {"status": "COMPLETED"},
    transcript={
        "title": "T",
        "long_summary": None,
        "short_summary": "S",
        "duration": 8.0,
        "status": "ended",
    },
    transcript_before={"status": "error"},
    events=[("STATUS", {"value": "ended"})],
)
TRANSCRIBED = make_run(
    "transcribe_track",
    {"track_index": 3, "audio_url": "http://a/b"},
    {"words": [{"word": "a", "start": 1, "end": 2, "speaker": 3}], "track_index": 3},
    requests=(
        request(
            "modal",
            "/v1/audio/transcriptions-from-url",
            {"words": [{"word": " a"}, {"word": "  "}, {"word": 7}]},
        ),
    ),
)
MIXED = make_run(
    "mixdown_tracks",
    {"padded_urls": ["http://a/b"]},
    {"audio_key": "x/audio.mp3", "duration": 8, "size": 9},
    written=frozenset({StoredObject("transcripts", "x/audio.mp3")}),
    transcript={"duration": 8.0},
    transcript_before={"duration": 0},
    events=[("DURATION", {"duration": 8.0})],
)
RIGHT = {run.task: run for run in (MERGED, TOPICS, ENDED, TRANSCRIBED, MIXED)}


@pytest.mark.parametrize("run", RIGHT.values(), ids=RIGHT)
def test_a_right_run_breaks_no_rule(run: TaskRun) -> None:
    assert broken_rules(run, ALL) == []


LIST = StoredObject("transcripts", f"x/words_{'0' * 64}.json")


def test_a_list_by_reference_is_in_the_effects() -> None:
    assert broken_rules(replace(MERGED, written=frozenset({LIST})), ALL) == []


@pytest.mark.parametrize(
    "key", ["y/words_{sha256}.json", "x/topics_{sha256}.json", "x/y/words_{sha256}.json"]
)
def test_a_list_of_something_else_is_not(key: str) -> None:
    written = frozenset({StoredObject("transcripts", key.format(sha256="0" * 64))})

    [line] = broken_rules(replace(MERGED, written=written), ALL)

    assert line.endswith("was written, which is not in the effects")


@pytest.mark.parametrize("branches", [{"b": {"words": {"key": "k"}}}, [{"words": {"key": "k"}}]])
def test_a_result_of_references_is_not_compared_with_them(branches: Any) -> None:
    sent = {"transcript_id": "x", "transcripts": branches}

    assert broken_rules(replace(MERGED, sent=sent), ALL) == []


def with_output(run: TaskRun, **fields: Any) -> TaskRun:
    [attempt] = run.attempts
    return replace(run, attempts=(replace(attempt, output={**attempt.output, **fields}),))


def with_row(run: TaskRun, **columns: Any) -> TaskRun:
    return replace(run, transcript={**run.transcript, **columns})


WRONG = {
    "column": (with_row(MERGED, title="New"), "column title, which is not in the effects"),
    "row": (with_row(MERGED, words=WORDS), "column words is"),
    "order": (with_output(MERGED, all_words=WORDS), "not in the order of start and speaker"),
    "count": (with_output(MERGED, word_count=3), "word_count is 3, all_words has 2"),
    "schema": (with_output(MERGED, word_count="2"), "merge_transcripts: output at /word_count"),
    "text": (
        replace(MERGED, events=(("TRANSCRIPT", {"text": "tide Ebbe", "translation": None}),)),
        "TRANSCRIPT has",
    ),
    "twice": (
        replace(MERGED, events=(MERGED.events[0], MERGED.events[0])),
        "2 TRANSCRIPT events, 1 expected",
    ),
    "no event": (replace(MERGED, events=()), "no TRANSCRIPT has"),
    "lost event": (
        replace(
            with_output(TOPICS, topics=[TOPIC, {**TOPIC, "id": "u"}]),
            transcript={"topics": [TOPIC, {**TOPIC, "id": "u"}]},
        ),
        "no TOPIC has",
    ),
    "event": (
        replace(MERGED, events=(("FINAL_TITLE", {"title": "T"}),)),
        "the event FINAL_TITLE is not in the effects",
    ),
    "event's data": (replace(MERGED, events=(("TRANSCRIPT", {"text": 1}),)), "TRANSCRIPT: "),
    "progress": (
        replace(
            MERGED,
            events=(
                (
                    "PIPELINE_PROGRESS",
                    {
                        "workflow_id": "w",
                        "current_step": "merge",
                        "step_index": 1,
                        "total_steps": 1,
                        "step_status": "failed",
                    },
                ),
            ),
        ),
        'current_step of PIPELINE_PROGRESS is "merge"',
    ),
    "service": (
        replace(MERGED, requests=(request("llm", "/v1/chat/completions"),)),
        "POST /v1/chat/completions of llm is not in the effects",
    ),
    "request": (
        replace(
            TRANSCRIBED,
            requests=(
                request("modal", "/v1/audio/transcriptions-from-url", violations=("no body",)),
            ),
        ),
        "of modal: no body",
    ),
    "object": (
        replace(MIXED, written=MIXED.written | {StoredObject("transcripts", "y/audio.mp3")}),
        "transcripts/y/audio.mp3 was written, which is not in the effects",
    ),
    "deletion": (
        replace(MIXED, deleted=frozenset({StoredObject("recordings", "a")})),
        "recordings/a was deleted, which is not in the effects",
    ),
    "not written": (replace(MIXED, written=frozenset()), "x/audio.mp3 was not written"),
    "span": (
        with_output(TOPICS, topics=[{**TOPIC, "duration": 0.2}]),
        "a topic at 0.5 s of 0.2 s is of no group of words",
    ),
    "status": (replace(ENDED, events=()), "0 STATUS events of ended"),
    "status again": (
        replace(ENDED, transcript_before={"status": "ended"}),
        '1 STATUS events of ended; the status was "ended"',
    ),
    "stored": (with_row(ENDED, short_summary=" S"), "column short_summary is"),
    "lost word": (
        replace(
            TRANSCRIBED,
            requests=(
                request(
                    "modal",
                    "/v1/audio/transcriptions-from-url",
                    {"words": [{"word": "a"}, {"word": "b"}]},
                ),
            ),
        ),
        "1 words, the service gave 2",
    ),
    "speaker": (
        with_output(TRANSCRIBED, words=[{"word": "a", "start": 1, "end": 2, "speaker": 0}]),
        "is not of speaker 3",
    ),
    "reason": (
        replace(
            MERGED,
            attempts=(Attempt("FAILED_WITH_TERMINAL_ERROR", " ", "w", 0, 0.0, 0.0, {}),),
            events=(),
        ),
        "attempt 0 is FAILED_WITH_TERMINAL_ERROR without a reason",
    ),
}


@pytest.mark.parametrize(("run", "line"), WRONG.values(), ids=WRONG)
def test_a_wrong_run_breaks_its_rule(run: TaskRun, line: str) -> None:
    assert any(line in found for found in broken_rules(run, ALL)), broken_rules(run, ALL)


def test_a_run_of_a_stored_result_may_emit_nothing() -> None:
    run = replace(MERGED, events=(), transcript_before=MERGED.transcript)

    assert broken_rules(run, ALL) == []


def test_what_cannot_be_seen_is_not_judged() -> None:
    run = replace(with_row(MERGED, title="New"), events=(("FINAL_TITLE", {"title": "T"}),))
    nothing = Visibility(rows=False, events=False, requests=False)

    assert broken_rules(run, nothing) == []


def test_runs_that_share_their_evidence_are_judged_by_their_outputs_only() -> None:
    run = replace(with_row(MERGED, title="New"), concurrent=2)

    assert broken_rules(run, ALL) == []


def test_the_status_may_follow_the_workflow() -> None:
    failed = Attempt("FAILED", "no answer", "w", 0, 0.0, 0.0, {})
    run = replace(
        MERGED,
        attempts=(failed,),
        transcript={"status": "error"},
        transcript_before={"status": "processing"},
        events=(("STATUS", {"value": "error"}),),
    )

    assert broken_rules(run, ALL) == []

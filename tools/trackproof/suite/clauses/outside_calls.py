"""Unique inputs of the tasks that call an outside service, and their essential output."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from fixtures_audio import VOCABULARY
from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.ids import new_id
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.clauses.task_inputs import make_topics, make_words
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.stand_ins import TRACER_WORDS

SERVICES = {
    "get_recording": "daily",
    "get_participants": "daily",
    "transcribe_track": "modal",
    "detect_topics": "llm",
    "generate_title": "llm",
    "generate_summary": "llm",
    "post_zulip": "zulip",
    "send_webhook": "webhook",
}
"""The service that each of these tasks calls."""

RESULTS = {
    "get_recording": "id",
    "get_participants": "participants",
    "transcribe_track": "words",
    "detect_topics": "topics",
    "generate_title": "title",
    "generate_summary": "summary",
    "post_zulip": "message_id",
    "send_webhook": "sent",
}
"""The output field without which the task has done nothing."""

FINISHED: dict[str, Any] = {
    "title": "Plans",
    "short_summary": "A recap.",
    "long_summary": "All of it.",
}
"""Columns of a transcript that is ready to be delivered."""


def fresh_seed() -> int:
    """Return a seed of audio that no cache of the fleet has seen."""
    return int(new_id()[:7], 16)


def fresh_meeting(harness: Harness, task: str) -> Scenario:
    """Prepare a meeting for one run of the task."""
    seed = fresh_seed() if task == "transcribe_track" else 0
    return harness.meeting(seed=seed, tracks=2, seconds=6, offsets=[0, 0], **FINISHED)


def spoken_words(meeting: Scenario, count: int = 30) -> list[dict[str, Any]]:
    """Return words of the LLM stand-in's vocabulary, with subjects that it finds."""
    words = make_words(count)
    # Random, because answers become parts of later prompts, which a fleet may cache.
    others = random.Random(meeting.run_id).sample(sorted(set(VOCABULARY) - TRACER_WORDS), 30)
    texts = [*sorted(TRACER_WORDS)[:2], *others]
    for word, text in zip(words, texts, strict=False):
        word["word"] = text
    return words


def input_of(harness: Harness, task: str, meeting: Scenario, *, track: int = 0) -> dict[str, Any]:
    """Return a valid input of the task about a meeting."""
    transcript: dict[str, Any] = {"transcript_id": meeting.transcript_id}
    fields: dict[str, Callable[[], dict[str, Any]]] = {
        "get_recording": lambda: {"recording_id": meeting.recording_id},
        "get_participants": lambda: transcript | {"mtg_session_id": meeting.session_id},
        "transcribe_track": lambda: (
            transcript
            | {
                "track_index": track,
                "audio_url": harness.testbed.s3.presign(
                    RECORDING_BUCKET, meeting.track_keys[track], expires_in=PRESIGN_SECONDS
                ),
                "language": "en",
            }
        ),
        "detect_topics": lambda: transcript | {"words": make_words(20), "target_language": "en"},
        "generate_title": lambda: transcript | {"topics": make_topics(2)},
        "generate_summary": lambda: (
            transcript | {"words": spoken_words(meeting), "topics": make_topics(2)}
        ),
        "post_zulip": lambda: transcript,
        "send_webhook": lambda: transcript | {"room_id": meeting.room_id},
    }
    return fields[task]()


def expect_result(run: TaskRun) -> None:
    """Raise a ClauseViolation unless the task completed with a result that is not empty."""
    expect(run.status, "status of the last attempt").equals("COMPLETED")
    name = RESULTS[run.task]
    result = run.output.get(name)
    expect(result, name).holds(bool(result), "a result that is not empty")

"""A valid input of every task about a meeting, and outputs that can be compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.suite.clauses.outside_calls import SERVICES, input_of
from trackproof.suite.clauses.recordings import encode
from trackproof.suite.clauses.signals import make_track, render_channels
from trackproof.suite.clauses.storage import PRESIGN_SECONDS, mixdown_key, put_object
from trackproof.suite.clauses.task_inputs import make_words
from trackproof.suite.harness import Harness

Payload = dict[str, Any]

FINAL: Payload = {
    "title": "Tides & <b>tables</b>",
    "summary": "All of it: “água”, 東京.",
    "short_summary": "Short.",
    "duration": 61.5,
}


def valid_input(harness: Harness, task: str, meeting: Scenario) -> Payload:
    """Return an input with which the task completes; what it reads is in S3."""
    if task in SERVICES:
        return input_of(harness, task, meeting)
    fields: dict[str, Callable[[], Payload]] = {
        "generate_dynamic_fork_tasks": lambda: {
            "tracks": [{"s3_key": key} for key in meeting.track_keys],
            "task_type": "pad_track",
            "bucket_name": RECORDING_BUCKET,
        },
        "pad_track": lambda: {
            "track_index": 1,
            "s3_key": meeting.track_keys[1],
            "bucket_name": RECORDING_BUCKET,
        },
        "mixdown_tracks": lambda: {
            "padded_urls": [
                harness.testbed.s3.presign(RECORDING_BUCKET, key, expires_in=PRESIGN_SECONDS)
                for key in meeting.track_keys
            ]
        },
        "generate_waveform": lambda: {"audio_key": _stored_mixdown(harness, meeting)},
        "merge_transcripts": lambda: {
            "transcripts": [{"words": make_words(5), "track_index": 0}],
        },
        "finalize": lambda: FINAL,
        "cleanup_consent": dict,
    }
    return {**fields[task](), "transcript_id": meeting.transcript_id}


def _stored_mixdown(harness: Harness, meeting: Scenario) -> str:
    samples = render_channels(*[make_track(0.3, 0.9, seconds=1.5)] * 2)
    key = mixdown_key(meeting.transcript_id)
    content = encode(samples, container="mp3", codec="libmp3lame", rate=48_000)
    put_object(harness, TRANSCRIPT_BUCKET, key, content)
    return key


def without_signatures(value: Any) -> Any:
    """Return a value whose URLs have no query: every signing differs."""
    match value:
        case dict():
            return {name: without_signatures(one) for name, one in value.items()}
        case list():
            return [without_signatures(one) for one in value]
        case str() if value.startswith(("http://", "https://")):
            return urlunsplit(urlsplit(value)._replace(query=""))
    return value

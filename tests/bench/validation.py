"""Run-time validation: cost of validating a task's input and output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.bench.figures import Figure, median_ms
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import accepted_input, check

ORDINARY_MS = 1.0
LARGE_MS = 150.0
LARGE_WORDS = 100_000
ORDINARY_WORDS = 300
"""Words of three people in two minutes."""
TRACKS = 12

Json = dict[str, Any]


def measure() -> Iterator[Figure]:
    """Measure every task with an ordinary meeting, and merging a very large one."""
    payloads = ordinary_payloads()
    if missing := load_contracts().tasks.keys() ^ payloads.keys():
        raise LookupError(f"ordinary payloads and contracts differ in {sorted(missing)}")
    for task, (payload, output) in payloads.items():
        time = _both_sides(task, payload, output, runs=200)
        yield Figure(f"{task}, ordinary", time, "ms", ORDINARY_MS)
    payload, output = _merge(LARGE_WORDS, TRACKS)
    what = f"merge_transcripts, {LARGE_WORDS:,} words"
    sides = {
        "input": median_ms(lambda: accepted_input("merge_transcripts", payload), runs=10),
        "output": median_ms(lambda: check("merge_transcripts", "output", output), runs=10),
    }
    for side, time in sides.items():
        yield Figure(f"{what}, {side} alone", time, "ms")
    time = _both_sides("merge_transcripts", payload, output, runs=10)
    yield Figure(f"{what}, input and output", time, "ms", LARGE_MS)


def _both_sides(task: str, payload: Json, output: Json, *, runs: int) -> float:
    def validate() -> None:
        accepted_input(task, payload)
        check(task, "output", output)

    return median_ms(validate, runs=runs)


def _words(count: int, speaker: int = 0) -> list[Json]:
    return [
        {"word": f"word{n}", "start": n * 0.4, "end": n * 0.4 + 0.3, "speaker": speaker}
        for n in range(count)
    ]


def _merge(count: int, tracks: int) -> tuple[Json, Json]:
    each: dict[str, Json] = {
        f"transcribe_track_{index}": {
            "words": _words(len(range(index, count, tracks)), index),
            "track_index": index,
        }
        for index in range(tracks)
    }
    words = [word for track in each.values() for word in track["words"]]
    return (
        {"transcripts": each, "transcript_id": "transcript-1"},
        {"all_words": words, "word_count": len(words)},
    )


def ordinary_payloads() -> Mapping[str, tuple[Json, Json]]:
    """Return input and output of each task for a short meeting of three people."""
    of = {"transcript_id": "transcript-1"}
    url = "https://s3.test/transcripts/padded_track_0.webm?X-Amz-Signature=0123456789abcdef"
    keys = [{"s3_key": f"standup/{name}-cam-audio-1"} for name in ("ada", "bo", "eve")]
    words = _words(ORDINARY_WORDS)
    topic = {"id": "t", "title": "Budget", "summary": "About it.", "timestamp": 0, "duration": 60}
    person = {"participant_id": "p", "user_name": "Ada Lovelace", "user_id": None}
    padded = {"padded_url": url, "size": 400_000, "track_index": 0}
    branch = {"name": "pad_track", "taskReferenceName": "pad_track_0", "type": "SIMPLE"}
    pad = {"track_index": 0, "bucket_name": "recordings", **keys[0], **of}
    fork = {"tracks": keys, "task_type": "pad_track", "bucket_name": "recordings", **of}
    final = {"title": "Standup", "summary": "Long. " * 300, "short_summary": "Short.", **of}
    return {
        "get_recording": (
            {"recording_id": "rec-1"},
            {"id": "rec-1", "mtg_session_id": "s", "room_name": "standup", "duration": 120},
        ),
        "get_participants": ({"mtg_session_id": "s", **of}, {"participants": [person] * 3}),
        "generate_dynamic_fork_tasks": (
            fork,
            {"tasks": [branch] * 3, "inputs": {f"pad_track_{n}": pad for n in range(3)}},
        ),
        "pad_track": (pad, padded),
        "mixdown_tracks": (
            {"padded_urls": [url] * 3, **of},
            {"audio_key": "transcript-1/audio.mp3", "duration": 120.5, "size": 2_000_000},
        ),
        "generate_waveform": (
            {"audio_key": "transcript-1/audio.mp3", **of},
            {"waveform": [n / 255 for n in range(255)]},
        ),
        "transcribe_track": (
            {"track_index": 0, "audio_url": url, "language": "en", **of},
            {"words": words[:100], "track_index": 0},
        ),
        "merge_transcripts": _merge(ORDINARY_WORDS, 3),
        "detect_topics": ({"words": words, "target_language": "en", **of}, {"topics": [topic]}),
        "generate_title": ({"topics": [topic], **of}, {"title": "Standup"}),
        "generate_summary": (
            {"words": words, "topics": [topic], **of},
            {"summary": final["summary"], "short_summary": "Short."},
        ),
        "finalize": ({**final, "duration": 120.5}, {"status": "COMPLETED"}),
        "cleanup_consent": (of, {"audio_deleted": False, "reason": None}),
        "post_zulip": (of, {"message_id": "17"}),
        "send_webhook": ({"room_id": "room-1", **of}, {"sent": True, "status_code": 200}),
    }

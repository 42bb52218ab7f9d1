"""Normalised snapshots drop what changes between runs and keep everything else."""

from __future__ import annotations

from tests.e2e.normalisation import normalise

SIGNED = (
    "http://127.0.0.1:4123/transcripts/t-1/padded_track_0.webm"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101&X-Amz-Date=20260101T000000Z"
    "&X-Amz-Expires=7200&X-Amz-SignedHeaders=host&X-Amz-Signature=abcdef"
)
NAMES = {"http://127.0.0.1:4123": "s3", "http://127.0.0.1:41": "daily", "t-1": "transcript"}


def test_volatile_values_are_replaced() -> None:
    assert normalise(
        [
            SIGNED,
            "http://127.0.0.1:41/recordings/r",
            "started at 2026-11-25T03:30:00.123+00:00",
            f"t=1764041400,v1={'0' * 64}",
            {"timestamp": 1764041400, "size": 481_213, "t-1": 1},
            {"duration": 30.0000004, "waveform": [0.1939, 0.0]},
            '{"size": 5, "b": "t-1"}',
        ],
        NAMES,
    ) == [
        "<s3>/transcripts/<transcript>/padded_track_0.webm?X-Amz-Expires=7200&<signed>",
        "<daily>/recordings/r",
        "started at <moment>",
        "t=<moment>,v1=<signature>",
        {"timestamp": "<moment>", "size": "<bytes>", "<transcript>": 1},
        {"duration": 30.0, "waveform": [0.2, 0.0]},
        {"size": "<bytes>", "b": "<transcript>"},
    ]


def test_meaningful_values_stay() -> None:
    value = [
        {"words": [{"word": "albatross", "start": 1.234, "end": 1.314, "speaker": 2}]},
        {"topics": [{"timestamp": 12.5, "duration": 30.0}]},
        {"X-Webhook-Retry": "0", "status": 404, "sent": False, "room": None},
        "https://example.org/transcripts?page=2",
        "the meeting of 25 November",
        {"track_index": 0, "count": 1764041400},
    ]

    assert normalise(value, NAMES) == value

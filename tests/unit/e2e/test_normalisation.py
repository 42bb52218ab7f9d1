"""The normaliser takes out what changes, and leaves what matters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.normalisation import normalise

SIGNED = (
    "http://127.0.0.1:4123/transcripts/t-1/padded_track_0.webm"
    "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=k%2F20260101&X-Amz-Date=20260101T000000Z"
    "&X-Amz-Expires=7200&X-Amz-SignedHeaders=host&X-Amz-Signature=abcdef"
)
NAMES = {"http://127.0.0.1:4123": "s3", "http://127.0.0.1:41": "daily", "t-1": "transcript"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SIGNED, "<s3>/transcripts/<transcript>/padded_track_0.webm?X-Amz-Expires=7200&<signed>"),
        ("http://127.0.0.1:41/recordings/r", "<daily>/recordings/r"),
        ("at 2026-11-25T03:30:00.123+00:00 it began", "at <moment> it began"),
        ("2026-11-25 03:30:00", "<moment>"),
        (f"t=1764041400,v1={'0' * 64}", "t=<moment>,v1=<signature>"),
        ({"timestamp": 1764041400}, {"timestamp": "<moment>"}),
        ({"size": 481_213}, {"size": "<bytes>"}),
        ({"duration": 30.0000004}, {"duration": 30.0}),
        ({"waveform": [0.1939, 0.0]}, {"waveform": [0.2, 0.0]}),
        ('{"size": 5, "b": "t-1"}', {"size": "<bytes>", "b": "<transcript>"}),
        ({"t-1": 1}, {"<transcript>": 1}),
    ],
)
def test_what_changes_is_named(value: Any, expected: Any) -> None:
    assert normalise(value, NAMES) == expected


@pytest.mark.parametrize(
    "value",
    [
        {"words": [{"word": "albatross", "start": 1.234, "end": 1.314, "speaker": 2}]},
        {"topics": [{"timestamp": 12.5, "duration": 30.0}]},
        {"X-Webhook-Retry": "0", "status": 404, "sent": False, "room": None},
        "https://example.org/transcripts?page=2",
        "the meeting of 25 November",
        {"track_index": 0, "count": 1764041400},
    ],
)
def test_what_matters_stays(value: Any) -> None:
    assert normalise(value, NAMES) == value


def test_another_expiry_shows() -> None:
    other = normalise(SIGNED.replace("7200", "3600"), NAMES)

    assert other != normalise(SIGNED, NAMES)


def test_a_word_a_millisecond_later_shows() -> None:
    assert normalise({"start": 1.234}, {}) != normalise({"start": 1.235}, {})

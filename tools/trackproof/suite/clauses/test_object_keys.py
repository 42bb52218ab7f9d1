"""Clauses `pad_track.odd-keys` and `<task>.stored-size`: S3 as people use it, and as it is sold."""

from __future__ import annotations

import unicodedata

import pytest

from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.ids import new_id
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.recordings import decode, record_webm
from trackproof.suite.clauses.signals import expect_words, make_track, to_mono
from trackproof.suite.clauses.storage import padded_key, put_object
from trackproof.suite.harness import Harness

NAMES = (
    "stand up",
    "a+b",
    "100%",
    "50%25",
    "what?",
    "c#",
    "a&b=c;d",
    "it's (1)",
    unicodedata.normalize("NFC", "Besprechung Zürich"),
    unicodedata.normalize("NFD", "Besprechung Zürich"),
    "東京 ☕",
)
"""Names of rooms, which become folders of track keys."""

KEPT_BYTES = 700


@pytest.mark.clause("pad_track.odd-keys")
def test_tracks_with_odd_keys_are_padded(harness: Harness) -> None:
    meeting = harness.meeting()
    tracks = [make_track(0.3, 0.9, index=0, offset=1.0, seconds=2) for _ in NAMES]
    content = record_webm(tracks[0])
    keys = [f"acme/{name}/{new_id()}-cam-audio-1" for name in NAMES]
    for key in keys:
        put_object(harness, RECORDING_BUCKET, key, content)
    payloads = [
        {
            "track_index": index,
            "s3_key": key,
            "bucket_name": RECORDING_BUCKET,
            "transcript_id": meeting.transcript_id,
        }
        for index, key in enumerate(keys)
    ]

    runs = harness.run_tasks("pad_track", payloads)

    observed = {
        name: run.reason or run.status
        for name, run in zip(NAMES, runs, strict=True)
        if run.statuses != ["COMPLETED"]
    }
    expect(observed, "keys whose track is not padded").equals({})
    for index in range(len(NAMES)):
        stored = harness.testbed.s3.read(
            TRANSCRIPT_BUCKET, padded_key(meeting.transcript_id, index)
        )
        expect_words(to_mono(decode(stored)), [tracks[index]], tolerance_ms=1)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.clause(f"{task}.stored-size"))
        for task in ("pad_track", "mixdown_tracks")
    ],
)
def test_an_upload_that_is_not_stored_whole_fails_the_task(task: str, harness: Harness) -> None:
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2])
    payload = valid_input(harness, task, meeting)
    harness.break_service("s3", method="PUT", store_only=KEPT_BYTES)

    run = harness.run_task(task, payload, retries=1)

    expect(run.status, "status of the last attempt").holds(
        run.status != "COMPLETED", "a failure: S3 has stored a part of the object only"
    )

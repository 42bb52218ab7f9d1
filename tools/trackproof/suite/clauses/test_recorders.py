"""Clauses `<task>.recorders`: every exhibit of the recorder zoo, and hard media in long tracks."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fixtures_audio.recorders import RECORDERS, Recording, make_exhibit
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.recordings import decode
from trackproof.suite.clauses.signals import expect_sample_exact, expect_words, to_mono
from trackproof.suite.clauses.storage import PRESIGN_SECONDS, padded_key, put_object
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.rest import http_client

OFFSET = 1.5
"""Seconds; without an offset, pad_track would serve the file as it is."""

Runs = Mapping[str, tuple[Recording, TaskRun]]


def _files(offset: float) -> dict[str, Recording]:
    """Return every file of every exhibit, by exhibit and number."""
    files = {
        f"{name} {number}" if number else name: recording
        for name in RECORDERS
        for number, recording in enumerate(make_exhibit(name, index=4, offset=offset))
    }
    # A second stream is mixed in even where the track needs no padding.
    [files["two-streams unpadded"]] = make_exhibit("two-streams", index=4, offset=0)
    return files


PADDED = tuple(_ for _ in RECORDERS)
MIXED = tuple(name for name in RECORDERS if name not in {"rejoin", "new-file-at-unmute"})
"""Files that may come to mixdown_tracks as recorded: those that start with the meeting."""


@pytest.fixture(scope="module")
def padded(session_harness: Harness) -> Runs:
    """Pad all files side by side."""
    harness = session_harness
    harness.reset()
    meeting = harness.meeting()
    files = _files(OFFSET)
    payloads = []
    for index, (name, recording) in enumerate(files.items()):
        key = f"recorders/{meeting.transcript_id}/{name.replace(' ', '-')}"
        put_object(harness, RECORDING_BUCKET, key, recording.content)
        payloads.append(
            {
                "track_index": index,
                "s3_key": key,
                "bucket_name": RECORDING_BUCKET,
                "transcript_id": meeting.transcript_id,
            }
        )
    runs = harness.run_tasks("pad_track", payloads)
    return dict(zip(files, zip(files.values(), runs, strict=True), strict=True))


@pytest.fixture(scope="module")
def mixed(session_harness: Harness) -> Runs:
    """Mix each file into a mixdown of its own, all side by side."""
    harness = session_harness
    harness.reset()
    files = {name: make_exhibit(name, index=4)[0] for name in MIXED}
    payloads = []
    for recording in files.values():
        transcript_id = harness.meeting().transcript_id
        key = padded_key(transcript_id, 0)
        put_object(harness, TRANSCRIPT_BUCKET, key, recording.content)
        url = harness.testbed.s3.presign(TRANSCRIPT_BUCKET, key, expires_in=PRESIGN_SECONDS)
        payloads.append({"padded_urls": [url], "transcript_id": transcript_id})
    runs = harness.run_tasks("mixdown_tracks", payloads)
    return dict(zip(files, zip(files.values(), runs, strict=True), strict=True))


def _expect_exhibit(harness: Harness, name: str, content: bytes, recording: Recording) -> None:
    try:
        samples = to_mono(decode(content))
        if name == "dtx":  # whatever the number of gaps
            expect_sample_exact(samples, recording.tracks)
        expect_words(samples, recording.tracks, harness.fleet.profile.time_tolerance_ms)
    except ClauseViolation as violation:
        what = f"{name} ({RECORDERS[name.split(maxsplit=1)[0]].description}): {violation.what}"
        raise ClauseViolation(violation.expected, violation.observed, what) from violation
    end = max(track.offset + track.duration for track in recording.tracks)
    expect(samples.size / 48_000, f"{name}: decoded seconds").is_near(end, 0.15)


@pytest.mark.clause("pad_track.recorders")
@pytest.mark.parametrize("exhibit", PADDED)
def test_padded_track_has_every_word_of_a_hard_recording(
    exhibit: str, padded: Runs, harness: Harness
) -> None:
    for name, (recording, run) in padded.items():
        if name.split()[0] != exhibit:
            continue
        harness.runs.append(run)
        expect(run.statuses[-1:], f"{name}: last attempt status").equals(["COMPLETED"])
        url = str(run.output.get("padded_url"))
        with http_client(url) as client:
            _expect_exhibit(harness, name, client.get(url).content, recording)


@pytest.mark.clause("mixdown_tracks.recorders")
@pytest.mark.parametrize("exhibit", MIXED)
def test_mixdown_has_every_word_of_a_hard_recording(
    exhibit: str, mixed: Runs, harness: Harness
) -> None:
    recording, run = mixed[exhibit]
    harness.runs.append(run)
    expect(run.statuses[-1:], f"{exhibit}: last attempt status").equals(["COMPLETED"])
    content = harness.testbed.s3.read(TRANSCRIPT_BUCKET, str(run.output.get("audio_key")))
    _expect_exhibit(harness, exhibit, content, recording)

"""Clauses of contracts/tasks/generate_waveform.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from trackproof.checks.mixdown import PEAK_TOLERANCE, PEAKS, max_peak_error
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.equality import contains_value
from trackproof.runs.ids import new_id
from trackproof.runs.task_run import TaskRun
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.recordings import decode, encode
from trackproof.suite.clauses.signals import Samples, make_track, render_channels
from trackproof.suite.clauses.storage import mixdown_key, put_object
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.rest import http_client

TASK = "generate_waveform"
WORDS = (0.3, 0.9, 1.5, 2.1)


def generate_waveform(harness: Harness, mixdown: bytes | None) -> TaskRun:
    """Run the task on a mixdown in S3; None leaves its key empty."""
    meeting = harness.meeting()
    key = mixdown_key(meeting.transcript_id)
    if mixdown is not None:
        put_object(harness, TRANSCRIPT_BUCKET, key, mixdown)
    return harness.run_task(TASK, audio_key=key, transcript_id=meeting.transcript_id)


def encode_mp3(samples: Samples, rate: int = 48_000) -> bytes:
    return encode(samples, container="mp3", codec="libmp3lame", rate=rate)


def stereo_words(*starts: float) -> Samples:
    return render_channels(*[make_track(*starts, seconds=3)] * 2)


def tone(*harmonics: float, seconds: float = 2) -> Samples:
    """Return 300 Hz and its harmonics at these amplitudes.

    A second harmonic of the same amplitude makes the wave asymmetric about 0.
    """
    time = np.arange(round(seconds * 48_000)) / 48_000
    parts = [level * np.cos(2 * np.pi * 300 * nth * time) for nth, level in enumerate(harmonics, 1)]
    return np.array([np.sum(parts, axis=0)], np.float32)


def expect_peaks(run: TaskRun, mixdown: bytes) -> list[float]:
    expect(run.statuses[-1:], "last attempt status").equals(["COMPLETED"])
    peaks = run.output.get("waveform") or []
    expect(len(peaks), "number of peaks").equals(PEAKS)
    expect([peak for peak in peaks if not 0 <= peak <= 1], "peaks outside 0 to 1").equals([])
    # The waveform shows samples beyond full scale at full scale.
    levels = np.minimum(np.abs(decode(mixdown)).max(axis=0), 1.0)
    error = max_peak_error(peaks, levels)
    expect(error, "largest error of a peak against the mixdown").holds(
        error <= PEAK_TOLERANCE, f"at most {PEAK_TOLERANCE}"
    )
    return list(peaks)


SOUNDS: dict[str, Callable[[], Samples]] = {
    "words and silence": lambda: stereo_words(*WORDS),
    "word at the end": lambda: stereo_words(2.92),
    "right channel only": lambda: np.concatenate([tone(0.0), tone(0.5)]),
    "left channel only": lambda: np.concatenate([tone(0.5), tone(0.0)]),
    "asymmetric below 0": lambda: tone(-0.3, -0.3),
    "full scale": lambda: tone(1.0),
    "quiet": lambda: tone(0.02),
    "fewer samples than a peak needs": lambda: tone(0.5, seconds=0.2),
    "odd length": lambda: tone(0.5, seconds=3.3337),
}


@pytest.mark.clause("generate_waveform.peaks")
@pytest.mark.parametrize("sound", SOUNDS)
def test_peaks_equal_those_of_the_mixdown(sound: str, harness: Harness) -> None:
    mixdown = encode_mp3(SOUNDS[sound]())

    run = generate_waveform(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
def test_peaks_are_right_at_another_sample_rate(harness: Harness) -> None:
    mixdown = encode_mp3(render_channels(make_track(*WORDS, seconds=3)), rate=44_100)

    run = generate_waveform(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
def test_peaks_of_silence_are_0(harness: Harness) -> None:
    mixdown = encode_mp3(np.zeros((2, 96_000), np.float32))

    run = generate_waveform(harness, mixdown)

    expect(set(expect_peaks(run, mixdown)), "peaks").equals({0.0})


@pytest.mark.clause("generate_waveform.peaks")
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}], ids=str)
def test_transient_s3_failure_is_recovered(fault: dict[str, Any], harness: Harness) -> None:
    mixdown = encode_mp3(stereo_words(*WORDS))
    harness.break_service("s3", method="GET", path=f"*/{mixdown_key('*')}", times=1, **fault)

    run = generate_waveform(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
def test_peaks_are_right_where_the_bit_rate_changes(harness: Harness) -> None:
    """In an MP3 without a tag that says its length."""
    parts = [
        encode(tone(level), container="mp3", codec="libmp3lame", bit_rate=rate, bare=True)
        for level, rate in ((0.2, 32_000), (0.6, 320_000))
    ]

    run = generate_waveform(harness, b"".join(parts))

    peaks = run.output.get("waveform") or []
    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(len(peaks), "number of peaks").equals(PEAKS)
    expect(max(peaks[5:120]), "highest peak of the first half").is_near(0.2, 0.05)
    expect(min(peaks[135:250]), "lowest peak of the second half").is_near(0.6, 0.1)


@pytest.mark.clause("generate_waveform.broken-media")
@pytest.mark.parametrize("mixdown", [b"<html>" * 999, b""], ids=["not audio", "empty"])
def test_unreadable_mixdown_fails_terminally(mixdown: bytes, harness: Harness) -> None:
    run = generate_waveform(harness, mixdown)

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(run.emitted("WAVEFORM"), "WAVEFORM events").equals([])


@pytest.mark.clause("generate_waveform.event")
def test_waveform_is_emitted(harness: Harness) -> None:
    run = generate_waveform(harness, encode_mp3(stereo_words(*WORDS)))

    expect(run.output.get("waveform"), "waveform").is_filled()
    expect(run.emitted("WAVEFORM"), "WAVEFORM events").equals(
        [{"waveform": run.output.get("waveform")}]
    )


@pytest.mark.clause("generate_waveform.event")
def test_second_run_has_the_same_output(harness: Harness) -> None:
    first = generate_waveform(harness, encode_mp3(stereo_words(*WORDS)))
    expect(first.output.get("waveform"), "waveform of the first run").is_filled()

    second = harness.run_task(TASK, first.sent)

    expect(second.output, "output of the second run").equals(first.output)


@pytest.mark.clause("generate_waveform.stored")
def test_waveform_is_stored_at_waveform_location(harness: Harness) -> None:
    earlier = generate_waveform(harness, encode_mp3(tone(0.5)))
    expect_stored_peaks(harness, earlier)
    transcript_id = str(earlier.sent["transcript_id"])
    key = mixdown_key(transcript_id)
    put_object(harness, TRANSCRIPT_BUCKET, key, encode_mp3(stereo_words(*WORDS)))

    # Another mixdown of the same transcript: its peaks replace the earlier ones.
    run = harness.run_task(TASK, audio_key=key, transcript_id=transcript_id)

    if harness.fleet.exposes_events:
        expect(run.emitted("WAVEFORM"), "WAVEFORM events").equals(
            [{"waveform": run.output.get("waveform")}]
        )
    expect(run.output.get("waveform"), "peaks of another mixdown").holds(
        run.output.get("waveform") != earlier.output.get("waveform"), "other peaks"
    )
    expect_stored_peaks(harness, run)


@pytest.mark.clause("generate_waveform.stored")
def test_meetings_of_similar_ids_have_their_own_peaks(harness: Harness) -> None:
    """Long ids that differ in their last letter, or in its case."""
    beginning = new_id() * 8
    runs = []
    for last, level in (("a", 0.2), ("A", 0.4), ("b", 0.6)):
        meeting = harness.meeting(run_id=beginning + last)
        key = mixdown_key(meeting.transcript_id)
        put_object(harness, TRANSCRIPT_BUCKET, key, encode_mp3(tone(level)))
        runs.append(harness.run_task(TASK, audio_key=key, transcript_id=meeting.transcript_id))

    for run in runs:
        expect_stored_peaks(harness, run)


def expect_stored_peaks(harness: Harness, run: TaskRun) -> None:
    location = str(run.transcript.get("waveform_location") or "")
    expect(location, "waveform_location").holds(bool(location), "a path, URL or S3 key")
    stored = read_json(harness, location)
    expect(run.output.get("waveform"), "waveform").is_filled()
    candidates = list(stored.values()) if isinstance(stored, dict) else [stored]
    expect(stored, f"JSON at {location}").holds(
        contains_value(candidates, run.output.get("waveform")), "the waveform of the output"
    )


def read_json(harness: Harness, location: str) -> Any:
    """Return the JSON document at a path, URL or S3 key."""
    if urlsplit(location).scheme in {"http", "https"}:
        with http_client(location) as client:
            return client.get(location).json()
    for bucket in (TRANSCRIPT_BUCKET, RECORDING_BUCKET):
        if location in harness.testbed.s3.keys(bucket, location):
            return json.loads(harness.testbed.s3.read(bucket, location))
    path = Path(location)
    if not path.parent.is_dir():
        raise NotVisible("files", f"{location}, which is neither in S3 nor on this machine")
    if not path.is_file():
        raise ClauseViolation("a JSON file", "no such file", location)
    return json.loads(path.read_text())

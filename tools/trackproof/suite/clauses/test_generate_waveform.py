"""Clauses of contracts/tasks/generate_waveform.yaml."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from trackproof.checks.mixdown import PEAK_TOLERANCE, PEAKS, furthest_peak
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.signals import Samples, decoded, encoded, samples_of, spoken
from trackproof.suite.clauses.storage import mixdown_key
from trackproof.suite.harness import Harness

TASK = "generate_waveform"
WORDS = (0.3, 0.9, 1.5, 2.1)


def drawn(harness: Harness, mixdown: bytes, *, retries: int | None = None) -> TaskRun:
    """Put a mixdown into S3 and have it drawn."""
    meeting = harness.meeting()
    path = harness.testbed.folder / "mixdown"
    path.write_bytes(mixdown)
    key = mixdown_key(meeting.transcript_id)
    harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, path)
    return harness.run_task(
        TASK, audio_key=key, transcript_id=meeting.transcript_id, retries=retries
    )


def mp3(samples: Samples, rate: int = 48_000) -> bytes:
    return encoded(samples, form="mp3", codec="libmp3lame", rate=rate)


def stereo() -> bytes:
    return mp3(samples_of(spoken(*WORDS, seconds=3), spoken(*WORDS, seconds=3)))


def expect_peaks(run: TaskRun, mixdown: bytes) -> list[float]:
    expect(run.statuses[-1:], "last attempt").equals(["COMPLETED"])
    peaks = run.output.get("waveform") or []
    expect(len(peaks), "number of peaks").equals(PEAKS)
    beyond = [peak for peak in peaks if not 0 <= peak <= 1]
    expect(beyond, "peaks outside 0 to 1").equals([])
    # What is beyond full scale is drawn at full scale.
    levels = np.minimum(np.abs(decoded(mixdown)).max(axis=0), 1.0)
    off = furthest_peak(peaks, levels)
    expect(off, "distance of the worst peak from the mixdown's own").holds(
        off <= PEAK_TOLERANCE, f"at most {PEAK_TOLERANCE}"
    )
    return list(peaks)


def tone(seconds: float, *harmonics: float) -> Samples:
    """Return a chord of 300 Hz and its harmonics; two of one size make it lopsided."""
    time = np.arange(round(seconds * 48_000)) / 48_000
    parts = [level * np.cos(2 * np.pi * 300 * nth * time) for nth, level in enumerate(harmonics, 1)]
    return np.array([np.sum(parts, axis=0)], np.float32)


SOUNDS: dict[str, Callable[[], Samples]] = {
    "words and silence": lambda: samples_of(*[spoken(*WORDS, seconds=3)] * 2),
    "a word at the very end": lambda: samples_of(*[spoken(2.92, seconds=3)] * 2),
    "the right channel alone": lambda: np.concatenate([tone(2, 0.0), tone(2, 0.5)]),
    "the left channel alone": lambda: np.concatenate([tone(2, 0.5), tone(2, 0.0)]),
    "further below 0 than above": lambda: tone(2, -0.3, -0.3),
    "full scale": lambda: tone(2, 1.0),
    "quiet": lambda: tone(2, 0.02),
    "shorter than its peaks": lambda: tone(0.2, 0.5),
    "of no round length": lambda: tone(3.3337, 0.5),
}


@pytest.mark.clause("generate_waveform.peaks")
@pytest.mark.parametrize("sound", SOUNDS)
def test_the_peaks_are_those_of_the_mixdown(sound: str, harness: Harness) -> None:
    mixdown = mp3(SOUNDS[sound]())

    run = drawn(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
def test_another_rate_gives_the_same_peaks(harness: Harness) -> None:
    mixdown = mp3(samples_of(spoken(*WORDS, seconds=3)), rate=44_100)

    run = drawn(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
def test_silence_is_0(harness: Harness) -> None:
    mixdown = mp3(np.zeros((2, 96_000), np.float32))

    run = drawn(harness, mixdown)

    expect(set(expect_peaks(run, mixdown)), "peaks").equals({0.0})


@pytest.mark.clause("generate_waveform.peaks")
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}], ids=str)
def test_an_s3_that_fails_once_does_no_harm(fault: dict[str, Any], harness: Harness) -> None:
    mixdown = stereo()
    harness.break_service("s3", method="GET", path=f"*/{mixdown_key('*')}", times=1, **fault)

    run = drawn(harness, mixdown)

    expect_peaks(run, mixdown)


@pytest.mark.clause("generate_waveform.peaks")
@pytest.mark.parametrize("kind", ["gone", "no media", "empty"])
def test_what_cannot_be_read_is_never_drawn(kind: str, harness: Harness) -> None:
    meeting = harness.meeting()
    key = mixdown_key(meeting.transcript_id)
    if kind != "gone":
        path = harness.testbed.folder / "no-mixdown"
        path.write_bytes(b"<html>" * 999 if kind == "no media" else b"")
        harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, path)

    run = harness.run_task(TASK, audio_key=key, transcript_id=meeting.transcript_id)

    expect(run.statuses, "attempts").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(run.emitted("WAVEFORM"), "WAVEFORM").equals([])


@pytest.mark.clause("generate_waveform.event")
def test_the_peaks_are_broadcast(harness: Harness) -> None:
    run = drawn(harness, stereo())

    expect(run.emitted("WAVEFORM"), "WAVEFORM").equals([{"waveform": run.output.get("waveform")}])


@pytest.mark.clause("generate_waveform.event")
def test_a_second_run_draws_the_same(harness: Harness) -> None:
    first = drawn(harness, stereo())

    again = harness.run_task(TASK, first.sent)

    expect(again.output, "output of the second run").equals(first.output)


@pytest.mark.clause("generate_waveform.stored")
def test_the_peaks_lie_where_the_transcript_says(harness: Harness) -> None:
    run = drawn(harness, stereo())

    location = str(run.transcript.get("waveform_location") or "")
    expect(location, "waveform_location").holds(bool(location), "the place of the peaks")
    lying = found_at(harness, location)
    expect(lying, f"the JSON at {location}").holds(
        run.output.get("waveform") in (lying, *lying.values()) if isinstance(lying, dict)
        else lying == run.output.get("waveform"),
        "the peaks of the output",
    )  # fmt: skip


def found_at(harness: Harness, location: str) -> Any:
    """Return the JSON behind a path, a URL or a key in S3."""
    if urlsplit(location).scheme in {"http", "https"}:
        return httpx.get(location).json()
    for bucket in (TRANSCRIPT_BUCKET, RECORDING_BUCKET):
        if location in harness.testbed.s3.keys(bucket, location):
            return json.load(io.BytesIO(harness.testbed.s3.read(bucket, location)))
    path = Path(location)
    if not path.parent.is_dir():
        pytest.skip(f"{location} is in no place that can be seen from here")
    if not path.is_file():
        raise ClauseViolation("a file of JSON", "there is none", location)
    return json.loads(path.read_text())

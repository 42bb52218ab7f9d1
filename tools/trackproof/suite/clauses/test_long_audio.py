"""Clauses of pad_track, mixdown_tracks and generate_waveform: long audio and unchanged sound."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from fixtures_audio import RATE_HZ, Track
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.recordings import decode, encode, record_webm
from trackproof.suite.clauses.signals import (
    Samples,
    expect_sample_exact,
    expect_words,
    make_track,
    median_levels,
    render_channels,
    to_mono,
)
from trackproof.suite.clauses.storage import PRESIGN_SECONDS, mixdown_key, padded_key, put_object
from trackproof.suite.clauses.test_generate_waveform import expect_peaks, read_json
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.rest import http_client

LARGE = 5 * 1024 * 1024
"""Bytes; many clients send more in several parts."""

MAX_DC = 0.002
"""Largest mean of all samples, full scale 1."""

LEVEL_TOLERANCE = 0.06

GAPS = [(0.9, 0.96), (2.0, 32.0), (33.0, 98.0)]
"""60 ms, 30 s and more than a minute."""

STARTS = (0.4, 1.3, 32.4, 98.5)


def gapped_track(offset: float) -> Track:
    return make_track(*STARTS, seconds=99, offset=offset, gaps=GAPS)


def large_track() -> Track:
    """Return a track whose samples are more than 5 MiB."""
    return make_track(0.5, 29.3, 57.9, index=1, seconds=58.4, offset=75.25)


def encode_large(track: Track) -> bytes:
    content = encode(
        render_channels(track),
        container="matroska",
        codec="pcm_s16le",
        start=Fraction(track.offset),
    )
    expect(len(content), "bytes of the source").holds(len(content) > LARGE, f"above {LARGE}")
    return content


def download(run: TaskRun) -> bytes:
    expect(run.statuses[-1:], "last attempt status").equals(["COMPLETED"])
    url = str(run.output.get("padded_url"))
    with http_client(url) as client:
        return client.get(url).content


def expect_levels(samples: Samples, tracks: list[Track]) -> None:
    """Raise a ClauseViolation unless each track has its level and there is no DC offset."""
    for track, level in zip(tracks, median_levels(to_mono(samples), tracks), strict=True):
        expect(level / track.level, f"gain of track {track.index}").is_near(1.0, LEVEL_TOLERANCE)
    mean = float(np.abs(samples.mean(axis=1)).max())
    expect(mean, "mean of the samples").holds(mean < MAX_DC, f"below {MAX_DC}")


@pytest.fixture(scope="module")
def padded(session_harness: Harness) -> dict[str, tuple[Track, TaskRun]]:
    """Pad a track with long gaps, and a large one from another bucket, side by side."""
    harness = session_harness
    harness.reset()
    meeting = harness.meeting()
    gapped, large = gapped_track(331.5), large_track()
    sources = {
        "long gaps": (gapped, RECORDING_BUCKET, record_webm(gapped)),
        "long offset, large file": (large, TRANSCRIPT_BUCKET, encode_large(large)),
    }
    payloads = []
    for index, (name, (_, bucket, content)) in enumerate(sources.items()):
        key = f"long/{meeting.transcript_id}/{name.replace(', ', '-').replace(' ', '-')}"
        put_object(harness, bucket, key, content)
        payloads.append(
            {
                "track_index": index,
                "s3_key": key,
                "bucket_name": bucket,
                "transcript_id": meeting.transcript_id,
            }
        )
    runs = harness.run_tasks("pad_track", payloads)
    return {
        name: (track, run) for (name, (track, _, _)), run in zip(sources.items(), runs, strict=True)
    }


@pytest.mark.clause("pad_track.long-tracks")
@pytest.mark.parametrize("name", ["long gaps", "long offset, large file"])
def test_long_gaps_and_offsets_keep_their_length(
    name: str, padded: Mapping[str, tuple[Track, TaskRun]], harness: Harness
) -> None:
    track, run = padded[name]
    harness.runs.append(run)
    samples = to_mono(decode(download(run)))
    expect_words(samples, [track], harness.fleet.profile.time_tolerance_ms)
    expect_sample_exact(samples, [track])
    end = track.offset + track.duration
    expect(samples.size / RATE_HZ, "decoded seconds").is_near(end, 0.03)


@pytest.mark.clause("pad_track.sound")
@pytest.mark.parametrize("name", ["long gaps", "long offset, large file"])
def test_padded_track_keeps_level_and_zero_line(
    name: str, padded: Mapping[str, tuple[Track, TaskRun]], harness: Harness
) -> None:
    track, run = padded[name]
    harness.runs.append(run)
    expect_levels(decode(download(run)), [track])


@pytest.fixture(scope="module")
def mixed(session_harness: Harness) -> dict[str, TaskRun]:
    """Mix a meeting of more than five minutes, and one with an overload, side by side."""
    harness = session_harness
    harness.reset()
    return dict(
        zip(
            MIXES,
            harness.run_tasks(
                "mixdown_tracks",
                [_mix_payload(harness, tracks) for tracks in MIXES.values()],
            ),
            strict=True,
        )
    )


LONG_MIX = [
    make_track(*STARTS, 340.3, seconds=340.7, gaps=[*GAPS, (100.0, 340.0)]),
    make_track(0.7, 32.8, index=1, seconds=34.0, gaps=[(2.0, 32.0)]),
]
"""Beyond 5 MiB at 128 kb/s."""

OVERLOAD_MIX = [
    make_track(0.3, index=0, seconds=6, level=0.9),
    make_track(0.3, index=1, seconds=6, level=0.9),
    make_track(1.5, 3.3, 5.1, index=2, seconds=6),
]
"""Full scale is exceeded once; all later words are far below."""

MIXES = {"long": LONG_MIX, "overload": OVERLOAD_MIX}


def _mix_payload(harness: Harness, tracks: list[Track]) -> dict[str, Any]:
    transcript_id = harness.meeting().transcript_id
    urls = []
    for track in tracks:
        key = padded_key(transcript_id, track.index)
        put_object(harness, TRANSCRIPT_BUCKET, key, record_webm(track))
        s3 = harness.testbed.s3
        urls.append(s3.presign(TRANSCRIPT_BUCKET, key, expires_in=PRESIGN_SECONDS))
    return {"padded_urls": urls, "transcript_id": transcript_id}


def _mixdown(harness: Harness, run: TaskRun) -> Samples:
    expect(run.statuses[-1:], "last attempt status").equals(["COMPLETED"])
    content = harness.testbed.s3.read(TRANSCRIPT_BUCKET, str(run.output.get("audio_key")))
    expect(run.output.get("size"), "size").equals(len(content))
    return decode(content)


@pytest.mark.clause("mixdown_tracks.long-tracks")
def test_mixdown_of_long_tracks_has_every_word(
    mixed: Mapping[str, TaskRun], harness: Harness
) -> None:
    run = mixed["long"]
    harness.runs.append(run)
    samples = to_mono(_mixdown(harness, run))
    expect_words(samples, LONG_MIX, harness.fleet.profile.time_tolerance_ms)
    expect_sample_exact(samples, LONG_MIX)
    expect(run.output.get("duration"), "duration").is_near(340.7, 0.05)
    expect(samples.size / RATE_HZ, "decoded seconds").is_near(340.7, 0.05)


@pytest.mark.clause("mixdown_tracks.sound")
def test_after_an_overload_tracks_keep_their_level(
    mixed: Mapping[str, TaskRun], harness: Harness
) -> None:
    run = mixed["overload"]
    harness.runs.append(run)
    samples = _mixdown(harness, run)
    expect_levels(samples, [OVERLOAD_MIX[2]])
    expect_sample_exact(samples[0], [OVERLOAD_MIX[2]])
    expect_sample_exact(samples[1], [OVERLOAD_MIX[2]])


def long_mp3() -> bytes:
    """Return an MP3 beyond 5 MiB that is silent but for a tone after a minute and at its end."""
    silence, tone = (list(_frames(level)) for level in (0.0, 0.5))
    content = b"".join([*silence * 27, *tone, *silence * 41, *tone[: len(tone) // 2]])
    expect(len(content), "bytes of the source").holds(len(content) > LARGE, f"above {LARGE}")
    return content


def _frames(level: float, seconds: float = 2.5) -> Iterator[bytes]:
    """Yield MP3 frames of 320 kb/s, which need no other frame."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    wave = (level * np.cos(2 * np.pi * 300 * time)).astype(np.float32)
    encoder = av.AudioCodecContext.create("libmp3lame", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE_HZ, "stereo", "fltp"
    encoder.bit_rate = 320_000
    encoder.options = {"reservoir": "0"}
    frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
    frame.sample_rate, frame.pts = RATE_HZ, 0
    resampler = av.AudioResampler("fltp", "stereo", RATE_HZ, 1152)
    for part in (*resampler.resample(frame), *resampler.resample(None), None):
        for packet in encoder.encode(part):
            yield bytes(packet)


def mp3_with_dc() -> bytes:
    time = np.arange(2 * RATE_HZ) / RATE_HZ
    wave = 0.2 + 0.3 * np.cos(2 * np.pi * 300 * time)
    file = io.BytesIO(
        encode(np.stack([wave, wave]).astype(np.float32), container="mp3", codec="libmp3lame")
    )
    return file.getvalue()


@pytest.mark.clause("generate_waveform.long-audio")
def test_waveforms_of_two_meetings_are_those_of_their_audio(harness: Harness) -> None:
    sounds = {"other/name.mp3": long_mp3(), "mixdown": mp3_with_dc()}
    meetings = [harness.meeting() for _ in sounds]
    payloads = []
    for meeting, (name, content) in zip(meetings, sounds.items(), strict=True):
        key = mixdown_key(meeting.transcript_id)
        key = key if name == "mixdown" else f"{meeting.transcript_id}/{name}"
        put_object(harness, TRANSCRIPT_BUCKET, key, content)
        payloads.append({"audio_key": key, "transcript_id": meeting.transcript_id})

    runs = harness.run_tasks("generate_waveform", payloads)

    for run, meeting, content in zip(runs, meetings, sounds.values(), strict=True):
        peaks = expect_peaks(run, content)
        row = harness.task_runner.transcript(meeting.transcript_id)
        stored = read_json(harness, str(row.get("waveform_location") or ""))
        values = list(stored.values()) if isinstance(stored, dict) else [stored]
        expect(peaks in values, "the waveform is at its transcript's waveform_location").equals(
            True
        )


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=pytest.mark.clause(f"{task}.refused-object"))
        for task in ("pad_track", "mixdown_tracks", "generate_waveform")
    ],
)
def test_refused_object_fails_at_once(task: str, harness: Harness) -> None:
    meeting = harness.meeting()
    key = f"refused/{meeting.transcript_id}/{task}"
    put_object(harness, TRANSCRIPT_BUCKET, key, record_webm(make_track(0.3, offset=1.5)))
    harness.break_service("s3", path=f"/{TRANSCRIPT_BUCKET}/refused/*", status=403)
    url = harness.testbed.s3.presign(TRANSCRIPT_BUCKET, key, expires_in=PRESIGN_SECONDS)
    inputs: dict[str, dict[str, Any]] = {
        "pad_track": {"track_index": 0, "s3_key": key, "bucket_name": TRANSCRIPT_BUCKET},
        "mixdown_tracks": {"padded_urls": [url]},
        "generate_waveform": {"audio_key": key},
    }

    run = harness.run_task(task, {**inputs[task], "transcript_id": meeting.transcript_id})

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(run.written, "written objects").equals(frozenset())

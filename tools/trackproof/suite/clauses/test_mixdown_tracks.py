"""Clauses of contracts/tasks/mixdown_tracks.yaml."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from fixtures_audio import BANDS, LEVEL, Track
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.ids import new_id
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.recordings import (
    decode,
    encode,
    read_format,
    record_webm,
    video_without_audio,
)
from trackproof.suite.clauses.signals import (
    Samples,
    audible_bands,
    expect_sample_exact,
    expect_words,
    make_track,
    median_levels,
    render_channels,
    similarity,
    to_mono,
)
from trackproof.suite.clauses.storage import (
    PRESIGN_SECONDS,
    is_presigned,
    mixdown_key,
    padded_key,
    put_object,
)
from trackproof.suite.harness import Harness

TASK = "mixdown_tracks"
WORDS = (0.3, 0.9, 1.5, 2.1, 2.7, 3.3)
DURATION_TOLERANCE = 0.05
"""Seconds by which an MP3 may differ from its source: one frame at each end."""


def put_padded_tracks(harness: Harness, meeting: Scenario, sources: Sequence[bytes]) -> list[str]:
    """Store padded tracks in S3; return their presigned URLs in the same order."""
    s3 = harness.testbed.s3
    keys = [padded_key(meeting.transcript_id, index) for index in range(len(sources))]
    for key, source in zip(keys, sources, strict=True):
        put_object(harness, TRANSCRIPT_BUCKET, key, source)
    return [s3.presign(TRANSCRIPT_BUCKET, key, expires_in=PRESIGN_SECONDS) for key in keys]


def mix(harness: Harness, sources: Sequence[bytes], *, retries: int | None = None) -> TaskRun:
    """Run the task on padded tracks, shuffled because a JOIN guarantees no order.

    The row has the duration of an earlier result; ids have capitals, which keys keep.
    """
    meeting = harness.meeting(duration=99.0, run_id=f"{new_id()}Aa")
    urls = put_padded_tracks(harness, meeting, sources)
    random.Random(len(urls)).shuffle(urls)
    return harness.run_task(
        TASK, padded_urls=urls, transcript_id=meeting.transcript_id, retries=retries
    )


def record_all(tracks: Sequence[Track]) -> list[bytes]:
    return [record_webm(track) for track in tracks]


def read_mixdown(harness: Harness, run: TaskRun) -> bytes:
    """Return the mixdown from S3."""
    expect(run.statuses[-1:], "last attempt status").equals(["COMPLETED"])
    return harness.testbed.s3.read(TRANSCRIPT_BUCKET, str(run.output.get("audio_key")))


def decode_mixdown(harness: Harness, run: TaskRun) -> Samples:
    return decode(read_mixdown(harness, run))


def expect_words_of(harness: Harness, run: TaskRun, tracks: Sequence[Track]) -> None:
    tolerance_ms = harness.fleet.profile.time_tolerance_ms
    expect_words(to_mono(decode_mixdown(harness, run)), tracks, tolerance_ms)


def expect_no_mixdown(run: TaskRun) -> None:
    expect(run.workflow_status, "status of the workflow").equals("FAILED")
    expect(run.written, "written objects").equals(frozenset())


def successive_tracks(count: int) -> list[Track]:
    """Return tracks of one word each; tracks that share a band speak in different seconds."""
    starts = [index // BANDS + 0.2 + 0.02 * (index % BANDS) for index in range(count)]
    return [
        make_track(start, index=index, seconds=round(start + 0.4, 3), level=LEVEL / 2)
        for index, start in enumerate(starts)
    ]


@pytest.mark.clause("mixdown_tracks.all-tracks")
@pytest.mark.parametrize("count", [1, 2, 12, 64])
def test_mixdown_contains_every_word_of_every_track(count: int, harness: Harness) -> None:
    tracks = successive_tracks(count)

    run = mix(harness, record_all(tracks))

    expect_words_of(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.all-tracks")
def test_mixdown_contains_simultaneous_words_to_the_last(harness: Harness) -> None:
    tracks = [make_track(*WORDS, 3.92, index=index) for index in range(3)]

    run = mix(harness, record_all(tracks))

    expect_words_of(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.sample-exact")
def test_every_word_starts_at_its_sample(harness: Harness) -> None:
    # No two words overlap: a second sound would blur the measured start.
    tracks = [
        make_track(0.301, 2.099, index=0),
        make_track(0.9, 2.7, index=1, seconds=5.5, gaps=[(1.2, 2.52)]),
        make_track(1.517, 5.1, index=2, seconds=5.5),
    ]

    run = mix(harness, record_all(tracks))

    expect_sample_exact(to_mono(decode_mixdown(harness, run)), tracks)


@pytest.mark.clause("mixdown_tracks.other-formats")
@pytest.mark.parametrize(
    ("container", "codec", "rate"),
    [
        ("webm", "vorbis", 44_100),
        ("mp4", "aac", 48_000),
        ("mp4", "aac", 44_100),
        ("wav", "pcm_s16le", 16_000),
    ],
)
def test_track_of_another_format_is_mixed(
    container: str, codec: str, rate: int, harness: Harness
) -> None:
    webm, other = make_track(*WORDS), make_track(*WORDS, index=1)
    stereo = render_channels(other, other)
    sources = [record_webm(webm), encode(stereo, container=container, codec=codec, rate=rate)]

    run = mix(harness, sources)

    expect_words_of(harness, run, [webm, other])


@pytest.mark.clause("mixdown_tracks.level")
@pytest.mark.parametrize("count", [1, 2, 8])
def test_every_track_keeps_its_level(count: int, harness: Harness) -> None:
    # No two words overlap, so that no word is clipped by another.
    tracks = [make_track(0.3 + 0.4 * index, index=index) for index in range(count)]

    run = mix(harness, record_all(tracks))

    levels = median_levels(to_mono(decode_mixdown(harness, run)), tracks)
    for track, level in zip(tracks, levels, strict=True):
        expect(level / LEVEL, f"gain of track {track.index} of {count}").is_near(1.0, 0.15)


@pytest.mark.clause("mixdown_tracks.stereo")
def test_each_channel_keeps_its_own_words(harness: Harness) -> None:
    left, right, both = (make_track(*WORDS, index=index) for index in (0, 1, 2))
    sources = [encode(render_channels(left, right)), record_webm(both)]

    run = mix(harness, sources)

    channels = decode_mixdown(harness, run)
    expect(len(channels), "number of channels").equals(2)
    for name, channel, own in zip(("left", "right"), channels, (left, right), strict=True):
        expect(audible_bands(channel), f"tracks in the {name} channel").equals(
            {own.index, both.index}
        )


@pytest.mark.clause("mixdown_tracks.stereo")
def test_overload_is_clipped_at_full_scale(harness: Harness) -> None:
    # 16-bit samples end at full scale; an unclipped sum of floats would reach 1.8.
    loud = [make_track(*WORDS, index=index, level=0.9) for index in (0, 1)]

    run = mix(harness, [encode(render_channels(track)) for track in loud])

    mixdown = decode_mixdown(harness, run)
    peak = float(np.abs(mixdown).max())
    expect(peak, "peak of the mixdown").holds(0.8 < peak < 1.3, "between 0.8 and 1.3")
    correlation = similarity(mixdown[0], np.add(*(render_channels(track)[0] for track in loud)))
    expect(correlation, "correlation with the sum of the tracks").holds(
        correlation > 0.9, "above 0.9"
    )


@pytest.mark.clause("mixdown_tracks.untouched-below-full-scale")
def test_loud_words_keep_their_ratio_to_quiet_words(harness: Harness) -> None:
    # An encoder may scale everything, as LAME does by 0.95; a limiter may not attenuate
    # only the loud words.
    quiet, loud = make_track(0.3, 1.5, level=0.1), make_track(0.9, 2.1, index=1, level=0.95)
    sources = [
        encode(render_channels(track), container="wav", codec="pcm_s16le")
        for track in (quiet, loud)
    ]

    run = mix(harness, sources)

    levels = median_levels(to_mono(decode_mixdown(harness, run)), [quiet, loud])
    expect(
        levels[1] / max(levels[0], 1e-9),
        "loud to quiet level ratio",
    ).is_near(9.5, 0.2)


@pytest.mark.clause("mixdown_tracks.presigned-sources")
def test_tracks_are_read_by_the_given_presigned_urls(harness: Harness) -> None:
    run = mix(harness, record_all([make_track(*WORDS, index=index) for index in range(3)]))

    reads = [request for request in run.requests_to("s3") if request.method == "GET"]
    keys = [padded_key(run.sent["transcript_id"], index) for index in range(3)]
    presigned = {request.path for request in reads if is_presigned(request)}
    expect(presigned, "paths of presigned reads").equals(
        {f"/{TRANSCRIPT_BUCKET}/{key}" for key in keys}
    )
    others = [request.path for request in reads if not is_presigned(request)]
    expect(others, "paths of reads without a presigned URL").equals([])


@pytest.mark.clause("mixdown_tracks.reconnects")
@pytest.mark.parametrize("second_fault", [{}, {"status": 503}, {"drop": True}], ids=str)
def test_read_resumes_after_a_lost_connection(
    second_fault: dict[str, Any], harness: Harness
) -> None:
    tracks = [make_track(*WORDS, 3.92, index=index) for index in range(2)]
    sources = record_all(tracks)
    where = {"method": "GET", "path": f"*/{padded_key('*', 1)}"}
    harness.break_service("s3", **where, cut_after=len(sources[1]) // 2, times=1)
    if second_fault:  # the answer to the reconnect
        harness.break_service("s3", **where, times=1, **second_fault)

    run = mix(harness, sources, retries=0)

    expect_words_of(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.mp3")
def test_mixdown_is_an_mp3(harness: Harness) -> None:
    run = mix(harness, [record_webm(make_track(*WORDS))])

    container, codec = read_format(read_mixdown(harness, run))
    expect(container, "container").equals("mp3")
    expect(codec, "codec").holds(codec.startswith("mp3"), "mp3")


@pytest.mark.clause("mixdown_tracks.key")
@pytest.mark.parametrize("fault", [{}, {"status": 503}, {"drop": True}], ids=str)
def test_mixdown_is_stored_under_its_key(fault: dict[str, Any], harness: Harness) -> None:
    if fault:
        path = f"/{TRANSCRIPT_BUCKET}/*/*.mp3"
        harness.break_service("s3", method="PUT", path=path, times=1, **fault)

    run = mix(harness, [record_webm(make_track(*WORDS))])

    key = mixdown_key(run.sent["transcript_id"])
    expect(run.written, "written objects").contains(StoredObject(TRANSCRIPT_BUCKET, key))
    expect(run.output.get("audio_key"), "audio_key").equals(key)
    expect(run.output.get("size"), "size").equals(len(read_mixdown(harness, run)))


@pytest.mark.clause("mixdown_tracks.key")
def test_second_run_stores_the_same_audio_under_the_same_key(harness: Harness) -> None:
    tracks = [make_track(*WORDS, index=index) for index in range(2)]
    first = mix(harness, record_all(tracks))

    second = harness.run_task(TASK, first.sent)

    expect(second.output.get("audio_key"), "audio_key of the second run").equals(
        first.output.get("audio_key")
    )
    expect_words_of(harness, second, tracks)


@pytest.mark.clause("mixdown_tracks.duration")
@pytest.mark.parametrize("longest", [0, 1, 2])
def test_duration_is_that_of_the_longest_track(longest: int, harness: Harness) -> None:
    tracks = [
        make_track(0.3, index=index, seconds=5.4 if index == longest else 1.0) for index in range(3)
    ]

    run = mix(harness, record_all(tracks))

    duration = run.output.get("duration")
    expect(duration, "duration").is_near(5.4, DURATION_TOLERANCE)
    decoded_seconds = decode_mixdown(harness, run).shape[1] / 48_000
    expect(decoded_seconds, "decoded seconds").is_near(5.4, DURATION_TOLERANCE)
    expect(run.emitted("DURATION"), "DURATION events").equals([{"duration": duration}])
    expect(run.transcript.get("duration"), "duration in the transcript row").equals(duration)


@pytest.mark.clause("mixdown_tracks.pauses")
@pytest.mark.parametrize(
    "gaps", [[(1.2, 5.5)], [(0.6, 0.8), (1.2, 1.24), (2.0, 3.5)]], ids=["long", "several"]
)
def test_pauses_of_a_track_that_starts_at_0_keep_their_length(
    gaps: list[tuple[float, float]], harness: Harness
) -> None:
    paused = make_track(0.3, 0.9, 1.5 if len(gaps) > 1 else 5.6, 6.1, seconds=7, gaps=gaps)
    tracks = [make_track(*WORDS, index=1, seconds=7), paused]

    run = mix(harness, record_all(tracks))

    expect_words_of(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.lost-track")
@pytest.mark.parametrize("kind", ["missing", "no audio stream", "not audio", "header only"])
@pytest.mark.parametrize("index", [0, 2])
def test_unreadable_track_fails_the_task(kind: str, index: int, harness: Harness) -> None:
    meeting = harness.meeting()
    sources = record_all([make_track(*WORDS, index=track) for track in range(3)])
    broken = {"no audio stream": video_without_audio(), "not audio": b"<html>" * 999}
    sources[index] = broken.get(kind, sources[index][:100])
    urls = put_padded_tracks(harness, meeting, sources)
    if kind == "missing":
        urls[index] = urls[index].replace(".webm", ".lost")

    run = harness.run_task(TASK, padded_urls=urls, transcript_id=meeting.transcript_id)

    expect_no_mixdown(run)
    expect(run.emitted("DURATION"), "DURATION events").equals([])


@pytest.mark.clause("mixdown_tracks.lost-track")
def test_truncated_track_fails_the_task(harness: Harness) -> None:
    sources = record_all([make_track(*WORDS, index=index) for index in range(2)])
    sources[1] = sources[1][: len(sources[1]) // 2]

    run = mix(harness, sources)

    expect_no_mixdown(run)

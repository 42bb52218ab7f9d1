"""Clauses of contracts/tasks/mixdown_tracks.yaml."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from fixtures_audio import BANDS, LEVEL, Track, band_of, detect_words
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.keys import PRESIGN_SECONDS, mixdown_key, padded_key
from trackproof.suite.clauses.media import (
    decoded,
    encoded,
    expect_exact,
    expect_words,
    form_of,
    heard_in,
    likeness,
    mono,
    picture_only,
    said_by,
    samples_of,
    spoken,
    webm,
)
from trackproof.suite.clauses.signing import is_presigned
from trackproof.suite.harness import Harness

TASK = "mixdown_tracks"
WORDS = (0.3, 0.9, 1.5, 2.1, 2.7, 3.3)
SECONDS_OFF = 0.05
"""How much longer or shorter an MP3 may be than what was mixed: a frame at each end."""


def stored(harness: Harness, meeting: Scenario, sources: Sequence[bytes]) -> list[str]:
    """Put padded tracks into S3 and return their presigned URLs, in the same order."""
    urls = []
    for index, source in enumerate(sources):
        path = harness.testbed.folder / "padded-track"
        path.write_bytes(source)
        key = padded_key(meeting.transcript_id, index)
        harness.testbed.s3.put_file(TRANSCRIPT_BUCKET, key, path)
        urls.append(harness.testbed.s3.presign(TRANSCRIPT_BUCKET, key, expires_in=PRESIGN_SECONDS))
    return urls


def mixed(harness: Harness, sources: Sequence[bytes], *, retries: int | None = None) -> TaskRun:
    """Have tracks mixed; their URLs come in an order that a JOIN might have given them."""
    meeting = harness.meeting()
    urls = stored(harness, meeting, sources)
    random.Random(len(urls)).shuffle(urls)
    return harness.run_task(
        TASK, padded_urls=urls, transcript_id=meeting.transcript_id, retries=retries
    )


def recorded(tracks: Sequence[Track], folder: Path) -> list[bytes]:
    return [webm(track, folder).read_bytes() for track in tracks]


def mixdown_of(harness: Harness, run: TaskRun) -> bytes:
    """Return the mixdown as it is in S3."""
    expect(run.statuses[-1:], "last attempt").equals(["COMPLETED"])
    return harness.testbed.s3.read(TRANSCRIPT_BUCKET, str(run.output.get("audio_key")))


def expect_mixed(harness: Harness, run: TaskRun, tracks: Sequence[Track]) -> None:
    expect_words(
        heard_in(mono(decoded(mixdown_of(harness, run)))),
        said_by(tracks),
        harness.fleet.profile.time_tolerance_ms,
    )


def one_after_the_other(count: int) -> list[Track]:
    """Return tracks that end with their one word; who share a band speak in other seconds."""
    begins = [index // BANDS + 0.2 + 0.02 * (index % BANDS) for index in range(count)]
    return [
        spoken(start, index=index, seconds=round(start + 0.4, 3), level=LEVEL / 2)
        for index, start in enumerate(begins)
    ]


@pytest.mark.clause("mixdown_tracks.all-tracks")
@pytest.mark.parametrize("count", [1, 2, 12, 64])
def test_every_word_of_every_track_is_heard(count: int, harness: Harness, tmp_path: Path) -> None:
    tracks = one_after_the_other(count)

    run = mixed(harness, recorded(tracks, tmp_path))

    expect_mixed(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.all-tracks")
def test_all_at_once_are_heard_to_the_very_end(harness: Harness, tmp_path: Path) -> None:
    tracks = [spoken(*WORDS, 3.92, index=index) for index in range(3)]

    run = mixed(harness, recorded(tracks, tmp_path))

    expect_mixed(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.sample-exact")
def test_every_word_stands_at_its_sample(harness: Harness, tmp_path: Path) -> None:
    # One after the other: what sounds with a word would blur where it stands.
    tracks = [
        spoken(0.301, 2.099, index=0),
        spoken(0.9, 2.7, index=1, seconds=5.5, gaps=[(1.2, 2.52)]),
        spoken(1.517, 5.1, index=2, seconds=5.5),
    ]

    run = mixed(harness, recorded(tracks, tmp_path))

    expect_exact(mono(decoded(mixdown_of(harness, run))), tracks)


@pytest.mark.clause("mixdown_tracks.other-formats")
@pytest.mark.parametrize(
    ("form", "codec", "rate"),
    [
        ("webm", "vorbis", 44_100),
        ("mp4", "aac", 48_000),
        ("mp4", "aac", 44_100),
        ("wav", "pcm_s16le", 16_000),
    ],
)
def test_a_track_of_another_format_is_heard_too(
    form: str, codec: str, rate: int, harness: Harness, tmp_path: Path
) -> None:
    usual, other = spoken(*WORDS), spoken(*WORDS, index=1)
    sources = recorded([usual], tmp_path)
    sources.append(encoded(samples_of(other, other), form=form, codec=codec, rate=rate))

    run = mixed(harness, sources)

    expect_mixed(harness, run, [usual, other])


@pytest.mark.clause("mixdown_tracks.level")
@pytest.mark.parametrize("count", [1, 2, 8])
def test_every_track_keeps_its_level(count: int, harness: Harness, tmp_path: Path) -> None:
    # They speak one after the other: what is heard of one is not clipped by another.
    tracks = [spoken(0.3 + 0.4 * index, index=index) for index in range(count)]

    run = mixed(harness, recorded(tracks, tmp_path))

    heard = detect_words(mono(decoded(mixdown_of(harness, run))))
    for track in tracks:
        levels = [word.level for word in heard if word.band == band_of(track.index)]
        expect(median(levels or [0.0]) / LEVEL, f"gain of track {track.index} of {count}").is_near(
            1.0, 0.15
        )


@pytest.mark.clause("mixdown_tracks.stereo")
def test_both_channels_carry_what_is_theirs(harness: Harness, tmp_path: Path) -> None:
    left, right, both = (spoken(*WORDS, index=index) for index in (0, 1, 2))
    sources = [encoded(samples_of(left, right)), *recorded([both], tmp_path)]

    run = mixed(harness, sources)

    channels = decoded(mixdown_of(harness, run))
    expect(len(channels), "channels").equals(2)
    for name, channel, own in zip(("left", "right"), channels, (left, right), strict=True):
        bands = {word.band for word in detect_words(channel) if word.level > LEVEL / 4}
        expect(bands, f"tracks heard on the {name}").equals({own.index, both.index})


@pytest.mark.clause("mixdown_tracks.stereo")
def test_what_is_too_loud_together_is_cut_at_full_scale(harness: Harness) -> None:
    # 16-bit samples end at full scale; floats would go on to 1.8.
    loud = [spoken(*WORDS, index=index, level=0.9) for index in (0, 1)]

    run = mixed(harness, [encoded(samples_of(one)) for one in loud])

    mixdown = decoded(mixdown_of(harness, run))
    peak = float(np.abs(mixdown).max())
    expect(peak, "peak of the mixdown").holds(0.8 < peak < 1.3, "near 1")
    alike = likeness(mixdown[0], np.add(*(samples_of(one)[0] for one in loud)))
    expect(alike, "likeness to the sum of the tracks, 0 to 1").holds(alike > 0.9, "above 0.9")


@pytest.mark.clause("mixdown_tracks.untouched-below-full-scale")
def test_loud_words_keep_their_level_beside_quiet_ones(harness: Harness) -> None:
    # An encoder may scale all alike, as LAME does by 0.95; nothing may turn down the loud alone.
    quiet, loud = spoken(0.3, 1.5, level=0.1), spoken(0.9, 2.1, index=1, level=0.95)
    sources = [encoded(samples_of(t), form="wav", codec="pcm_s16le") for t in (quiet, loud)]

    run = mixed(harness, sources)

    heard = detect_words(mono(decoded(mixdown_of(harness, run))))
    levels = [
        median([word.level for word in heard if word.band == band_of(track.index)] or [0.0])
        for track in (quiet, loud)
    ]
    expect(levels[1] / max(levels[0], 1e-9), "loud words against quiet ones").is_near(9.5, 0.2)


@pytest.mark.clause("mixdown_tracks.presigned-sources")
def test_all_tracks_are_opened_by_the_urls_that_were_given(
    harness: Harness, tmp_path: Path
) -> None:
    run = mixed(harness, recorded([spoken(*WORDS, index=index) for index in range(3)], tmp_path))

    asked = [request for request in run.asked("s3") if request.method == "GET"]
    signed = {request.path for request in asked if is_presigned(request)}
    wanted = {f"/{TRANSCRIPT_BUCKET}/{padded_key(run.sent['transcript_id'], i)}" for i in range(3)}
    expect(signed, "read by signed URLs").equals(wanted)
    unsigned = [request.path for request in asked if not is_presigned(request)]
    expect(unsigned, "read without a signature in the URL").equals([])


@pytest.mark.clause("mixdown_tracks.reconnects")
@pytest.mark.parametrize("also", [{}, {"status": 503}, {"drop": True}], ids=str)
def test_a_cut_connection_is_taken_up_again(
    also: dict[str, Any], harness: Harness, tmp_path: Path
) -> None:
    tracks = [spoken(*WORDS, 3.92, index=index) for index in range(2)]
    sources = recorded(tracks, tmp_path)
    where = {"method": "GET", "path": f"*/{padded_key('*', 1)}"}
    harness.break_service("s3", **where, cut_after=len(sources[1]) // 2, times=1)
    if also:  # what meets who comes back
        harness.break_service("s3", **where, times=1, **also)

    run = mixed(harness, sources, retries=0)

    expect_mixed(harness, run, tracks)


@pytest.mark.clause("mixdown_tracks.mp3")
def test_the_mixdown_is_an_mp3(harness: Harness, tmp_path: Path) -> None:
    run = mixed(harness, recorded([spoken(*WORDS)], tmp_path))

    container, codec, _ = form_of(mixdown_of(harness, run))
    expect(container, "container").equals("mp3")
    expect(codec, "codec").holds(codec.startswith("mp3"), "mp3")


@pytest.mark.clause("mixdown_tracks.key")
@pytest.mark.parametrize("fault", [None, {"status": 503}, {"drop": True}], ids=str)
def test_the_mixdown_has_its_key(
    fault: dict[str, Any] | None, harness: Harness, tmp_path: Path
) -> None:
    if fault:
        harness.break_service("s3", method="PUT", path=f"/{TRANSCRIPT_BUCKET}/*/*.mp3", times=1,
                            **fault)  # fmt: skip
    run = mixed(harness, recorded([spoken(*WORDS)], tmp_path))

    key = mixdown_key(run.sent["transcript_id"])
    expect(run.written, "written").contains(StoredObject(TRANSCRIPT_BUCKET, key))
    expect(run.output.get("audio_key"), "audio_key").equals(key)
    expect(run.output.get("size"), "size").equals(len(mixdown_of(harness, run)))


@pytest.mark.clause("mixdown_tracks.key")
def test_a_second_run_writes_the_same_audio_under_the_same_key(
    harness: Harness, tmp_path: Path
) -> None:
    tracks = [spoken(*WORDS, index=index) for index in range(2)]
    first = mixed(harness, recorded(tracks, tmp_path))

    again = harness.run_task(TASK, first.sent)

    expect(again.output.get("audio_key"), "audio_key").equals(first.output.get("audio_key"))
    expect_mixed(harness, again, tracks)


@pytest.mark.clause("mixdown_tracks.duration")
@pytest.mark.parametrize("longest", [0, 1, 2])
def test_the_duration_is_told_to_the_end_of_the_longest_track(
    longest: int, harness: Harness, tmp_path: Path
) -> None:
    tracks = [
        spoken(0.3, index=index, seconds=5.0 if index == longest else 1.0) for index in range(3)
    ]

    run = mixed(harness, recorded(tracks, tmp_path))

    expect(run.output.get("duration"), "duration").is_near(5.0, SECONDS_OFF)
    audible = decoded(mixdown_of(harness, run)).shape[1] / 48_000
    expect(audible, "audible seconds").is_near(5.0, SECONDS_OFF)
    expect(run.emitted("DURATION"), "DURATION").equals([{"duration": run.output.get("duration")}])
    expect(run.transcript.get("duration"), "the transcript's duration").equals(
        run.output.get("duration")
    )


@pytest.mark.clause("mixdown_tracks.lost-track")
@pytest.mark.parametrize("kind", ["gone", "no audio stream", "no media", "header alone"])
@pytest.mark.parametrize("place", [0, 2])
def test_a_track_that_cannot_be_opened_fails_the_task(
    kind: str, place: int, harness: Harness, tmp_path: Path
) -> None:
    meeting = harness.meeting()
    sources = recorded([spoken(*WORDS, index=index) for index in range(3)], tmp_path)
    broken = {"no audio stream": picture_only(), "no media": b"<html>" * 999}
    sources[place] = broken.get(kind, sources[place][:100])
    urls = stored(harness, meeting, sources)
    if kind == "gone":
        urls[place] = urls[place].replace(".webm", ".lost")

    run = harness.run_task(TASK, padded_urls=urls, transcript_id=meeting.transcript_id)

    expect(run.workflow_status, "the workflow").equals("FAILED")
    expect(run.written, "written").equals(frozenset())
    expect(run.emitted("DURATION"), "DURATION").equals([])


@pytest.mark.clause("mixdown_tracks.lost-track")
def test_a_truncated_track_never_passes_as_a_whole_one(harness: Harness, tmp_path: Path) -> None:
    sources = recorded([spoken(*WORDS, index=index) for index in range(2)], tmp_path)
    sources[1] = sources[1][: len(sources[1]) // 2]

    run = mixed(harness, sources)

    expect(run.workflow_status, "the workflow").equals("FAILED")
    expect(run.written, "written").equals(frozenset())

"""Clauses of contracts/tasks/pad_track.yaml."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from fixtures_audio import Track
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.signals import (
    decoded,
    encoded,
    expect_exact,
    expect_words,
    heard_in,
    lag_ms,
    mono,
    picture_only,
    said_by,
    samples_of,
    spoken,
    start_time_of,
    webm,
)
from trackproof.suite.clauses.signing import is_presigned
from trackproof.suite.clauses.storage import PRESIGN_SECONDS, padded_key
from trackproof.suite.harness import Harness

TASK = "pad_track"
WORDS = (0.3, 0.9, 1.5, 2.1, 2.7, 3.3)
KEY = "acme/Raum Ünïcödé 会議 שלום/1-cam-audio-1"
"""A room may be called anything."""


def padded(
    harness: Harness, audio: bytes | Path, *, retries: int | None = None, **f: Any
) -> TaskRun:
    """Put a raw track into S3 and have it padded."""
    meeting = harness.meeting()
    source = audio if isinstance(audio, Path) else harness.testbed.folder / "raw-track"
    if isinstance(audio, bytes):
        source.write_bytes(audio)
    harness.testbed.s3.put_file(RECORDING_BUCKET, KEY, source)
    payload = {"track_index": 0, "s3_key": KEY, "bucket_name": RECORDING_BUCKET}
    payload["transcript_id"] = meeting.transcript_id
    return harness.run_task(TASK, {**payload, **f}, retries=retries)


def served(run: TaskRun) -> bytes:
    """Return what padded_url serves."""
    expect(run.statuses[-1:], "last attempt").equals(["COMPLETED"])
    answer = httpx.get(str(run.output.get("padded_url")))
    expect(answer.status_code, "status of padded_url").equals(200)
    return answer.content


def place_of(run: TaskRun, index: int = 0) -> frozenset[StoredObject]:
    key = padded_key(run.sent["transcript_id"], index)
    return frozenset({StoredObject(TRANSCRIPT_BUCKET, key)})


def expect_in_place(harness: Harness, run: TaskRun, track: Track) -> None:
    expect_words(
        heard_in(mono(decoded(served(run)))),
        said_by([track]),
        harness.fleet.profile.time_tolerance_ms,
    )


@pytest.mark.clause("pad_track.source-url")
def test_the_raw_track_is_read_by_a_presigned_url(harness: Harness, tmp_path: Path) -> None:
    run = padded(harness, webm(spoken(*WORDS, offset=1.5), tmp_path))

    read = [
        request
        for request in run.asked("s3")
        if request.method == "GET" and request.path == f"/{RECORDING_BUCKET}/{KEY}"
    ]
    expect(len(read), "reads of the raw track").holds(bool(read), "at least one")
    unsigned = [request.query for request in read if not is_presigned(request)]
    expect(unsigned, "reads of the raw track without a signature in the URL").equals([])


@pytest.mark.clause("pad_track.source-url")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": True}], ids=str)
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_s3_that_fails_once_does_no_harm(
    method: str, fault: dict[str, Any], harness: Harness, tmp_path: Path
) -> None:
    track = spoken(*WORDS, offset=1.5)
    harness.break_service("s3", method=method, path=f"/{RECORDING_BUCKET}/*", times=1, **fault)

    run = padded(harness, webm(track, tmp_path))

    expect_in_place(harness, run, track)


@pytest.mark.clause("pad_track.source-url")
def test_an_s3_that_is_down_is_worth_another_try(harness: Harness, tmp_path: Path) -> None:
    source = webm(spoken(*WORDS, offset=1.5), tmp_path)
    harness.break_service("s3", method="HEAD", status=503)
    harness.break_service("s3", method="GET", path=f"/{RECORDING_BUCKET}/*", status=503)

    run = padded(harness, source, retries=1)

    expect(run.statuses, "attempts").equals(["FAILED", "FAILED"])


@pytest.mark.clause("pad_track.offset")
@pytest.mark.parametrize("offset", [0.04, 2.5, 6.5], ids=lambda s: f"{s} s")
def test_every_word_stands_at_offset_plus_its_place(
    offset: float, harness: Harness, tmp_path: Path
) -> None:
    # The last is longer than the audio itself; the last word ends with the track.
    track = spoken(*WORDS, 3.92, offset=offset)

    run = padded(harness, webm(track, tmp_path))

    expect_in_place(harness, run, track)


@pytest.mark.clause("pad_track.offset")
def test_audio_of_another_rate_is_padded_as_well(harness: Harness) -> None:
    track = spoken(*WORDS, offset=1.25)
    audio = samples_of(track, track)

    run = padded(harness, encoded(audio, codec="vorbis", rate=44_100, begins=Fraction(5, 4)))

    expect_in_place(harness, run, track)


@pytest.mark.clause("pad_track.no-start-time")
@pytest.mark.parametrize("kind", ["missing", "negative"])
def test_a_start_time_that_is_none_counts_as_0(kind: str, harness: Harness) -> None:
    audio = samples_of(spoken(*WORDS))
    if kind == "missing":  # this container knows no times
        source = encoded(audio, form="wav", codec="pcm_s16le")
    else:
        source = encoded(audio, begins=Fraction(-3, 4))

    run = padded(harness, source)

    expect(served(run) == source, "padded_url serves the source itself").equals(True)
    expect(run.written, "written").equals(frozenset())


@pytest.mark.clause("pad_track.chain")
@pytest.mark.parametrize("gap", [(0.5, 0.8), (1.2, 3.2)], ids=str)
def test_a_muted_while_keeps_its_length(
    gap: tuple[float, float], harness: Harness, tmp_path: Path
) -> None:
    starts = [start for start in WORDS if not gap[0] - 0.1 < start < gap[1]]
    track = spoken(*starts, offset=1.0, gaps=[gap])

    run = padded(harness, webm(track, tmp_path))

    expect_in_place(harness, run, track)


@pytest.mark.clause("pad_track.milliseconds")
# Times 1000, floats of these are a hair below the whole number.
@pytest.mark.parametrize("offset", [1.001, 1.023, 2.002], ids=lambda s: f"{s} s")
def test_the_silence_is_exact_to_the_millisecond(
    offset: float, harness: Harness, tmp_path: Path
) -> None:
    source = webm(spoken(*WORDS, offset=offset), tmp_path)

    run = padded(harness, source)

    raw, result = mono(decoded(source.read_bytes())), mono(decoded(served(run)))
    expect(lag_ms(result, raw), "milliseconds of silence").is_near(offset * 1000, 0.45)


@pytest.mark.clause("pad_track.sample-exact")
@pytest.mark.parametrize("gaps", [[], [(1.2, 2.52)]], ids=["all along", "muted for a while"])
@pytest.mark.parametrize("offset", [0.001, 2.345], ids=lambda s: f"{s} s")
def test_every_word_stands_at_its_sample(
    offset: float, gaps: list[tuple[float, float]], harness: Harness, tmp_path: Path
) -> None:
    starts = [start for start in WORDS if not gaps or not 1.1 < start < 2.6]
    track = spoken(*starts, offset=offset, gaps=gaps)

    run = padded(harness, webm(track, tmp_path))

    expect_exact(mono(decoded(served(run))), [track])


@pytest.mark.clause("pad_track.sample-exact")
def test_every_word_of_another_rate_stands_at_its_sample(harness: Harness) -> None:
    track = spoken(*WORDS, offset=1.25)
    audio = samples_of(track, track)

    run = padded(harness, encoded(audio, codec="vorbis", rate=44_100, begins=Fraction(5, 4)))

    expect_exact(mono(decoded(served(run))), [track])


@pytest.mark.clause("pad_track.stereo")
def test_both_channels_are_delayed_alike(harness: Harness) -> None:
    left, right = spoken(*WORDS, offset=1.5), spoken(*WORDS, index=3, offset=1.5)

    run = padded(harness, encoded(samples_of(left, right), begins=Fraction(3, 2)))

    channels = decoded(served(run))
    expect(len(channels), "channels").equals(2)
    for channel, track in zip(channels, (left, right), strict=True):
        expect_words(heard_in(channel), said_by([track]), harness.fleet.profile.time_tolerance_ms)


@pytest.mark.clause("pad_track.not-needed")
def test_a_track_from_the_start_is_served_as_it_is(harness: Harness, tmp_path: Path) -> None:
    source = webm(spoken(*WORDS), tmp_path)

    run = padded(harness, source)

    expect(run.written, "written").equals(frozenset())
    expect(served(run) == source.read_bytes(), "padded_url serves the source itself").equals(True)


@pytest.mark.clause("pad_track.start-time-zero")
def test_nobody_is_told_to_pad_it_again(harness: Harness, tmp_path: Path) -> None:
    run = padded(harness, webm(spoken(*WORDS, offset=2.5), tmp_path))

    expect(start_time_of(served(run)), "start_time of the padded track").equals(0.0)


@pytest.mark.clause("pad_track.upload")
@pytest.mark.parametrize("index", [0, 10, 63])
def test_the_padded_track_has_its_key(index: int, harness: Harness, tmp_path: Path) -> None:
    run = padded(harness, webm(spoken(*WORDS, offset=1.5), tmp_path), track_index=index)

    expect(run.written, "written").equals(place_of(run, index))
    expect(run.output.get("track_index"), "track_index").equals(index)


@pytest.mark.clause("pad_track.upload")
def test_a_second_run_writes_the_same_audio_under_the_same_key(
    harness: Harness, tmp_path: Path
) -> None:
    track = spoken(*WORDS, offset=1.5)
    first = padded(harness, webm(track, tmp_path))

    again = harness.run_task(TASK, first.sent)

    expect(again.written - place_of(first), "written elsewhere").equals(frozenset())
    expect_in_place(harness, again, track)


@pytest.mark.clause("pad_track.upload")
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}], ids=str)
def test_an_upload_that_fails_once_is_made_good(
    fault: dict[str, Any], harness: Harness, tmp_path: Path
) -> None:
    track = spoken(*WORDS, offset=1.5)
    harness.break_service("s3", method="PUT", path=f"/{TRANSCRIPT_BUCKET}/*", times=1, **fault)

    run = padded(harness, webm(track, tmp_path))

    expect_in_place(harness, run, track)
    expect(run.written, "written").equals(place_of(run))


@pytest.mark.clause("pad_track.presigned")
@pytest.mark.parametrize("offset", [0.0, 1.5], ids=["as it is", "padded"])
def test_padded_url_serves_size_bytes_for_as_long_as_promised(
    offset: float, harness: Harness, tmp_path: Path
) -> None:
    run = padded(harness, webm(spoken(*WORDS, offset=offset), tmp_path))

    expect(run.output.get("size"), "size").equals(len(served(run)))
    signed = parse_qs(urlsplit(str(run.output.get("padded_url"))).query)
    expect(signed.get("X-Amz-Expires"), "X-Amz-Expires").equals([str(PRESIGN_SECONDS)])


@pytest.mark.clause("pad_track.broken-media")
@pytest.mark.parametrize("kind", ["no audio stream", "no media", "empty"])
def test_what_is_no_audio_fails_at_once(kind: str, harness: Harness) -> None:
    source = {"no audio stream": picture_only(), "no media": b"<html>" * 999, "empty": b""}[kind]

    run = padded(harness, source)

    expect(run.statuses, "attempts").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(run.written, "written").equals(frozenset())


@pytest.mark.clause("pad_track.broken-media")
def test_a_track_that_is_not_there_fails_at_once(harness: Harness, tmp_path: Path) -> None:
    run = padded(harness, webm(spoken(*WORDS), tmp_path), s3_key="acme/room/nothing-cam-audio-1")

    expect(run.statuses, "attempts").equals(["FAILED_WITH_TERMINAL_ERROR"])


@pytest.mark.clause("pad_track.broken-media")
def test_a_truncated_track_never_passes_as_a_whole_one(harness: Harness, tmp_path: Path) -> None:
    whole = webm(spoken(*WORDS, offset=1.5), tmp_path).read_bytes()

    run = padded(harness, whole[: len(whole) // 2])

    expect(run.workflow_status, "the workflow").equals("FAILED")
    expect(run.written, "written").equals(frozenset())

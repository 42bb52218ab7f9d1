"""Clauses of contracts/tasks/pad_track.yaml."""

from __future__ import annotations

from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fixtures_audio import Track
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET
from trackproof.runs.ids import new_id
from trackproof.runs.task_run import StoredObject, TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.recordings import (
    decode,
    encode,
    read_start_time,
    record_webm,
    video_without_audio,
)
from trackproof.suite.clauses.signals import (
    delay_ms,
    expect_sample_exact,
    expect_words,
    make_track,
    render_channels,
    to_mono,
)
from trackproof.suite.clauses.storage import (
    PRESIGN_SECONDS,
    is_presigned,
    padded_key,
    put_object,
)
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.rest import http_client

TASK = "pad_track"
WORDS = (0.3, 0.9, 1.5, 2.1, 2.7, 3.3)
KEY = "acme/Raum Ünïcödé 会議 שלום/1-cam-audio-1"
"""Contains a room name, which may have any characters."""


def pad(harness: Harness, source: bytes, *, retries: int | None = None, **fields: Any) -> TaskRun:
    """Run the task on a raw track in S3."""
    meeting = harness.meeting(run_id=f"{new_id()}Aa")  # keys keep capitals
    put_object(harness, RECORDING_BUCKET, KEY, source)
    payload = {
        "track_index": 0,
        "s3_key": KEY,
        "bucket_name": RECORDING_BUCKET,
        "transcript_id": meeting.transcript_id,
    }
    return harness.run_task(TASK, {**payload, **fields}, retries=retries)


def vorbis_at_44100_hz(track: Track) -> bytes:
    """Return a stereo file whose start_time is the track's offset."""
    samples = render_channels(track, track)
    return encode(samples, codec="vorbis", rate=44_100, start=Fraction(track.offset))


def download(run: TaskRun) -> bytes:
    """Return the content at padded_url."""
    expect(run.statuses[-1:], "last attempt status").equals(["COMPLETED"])
    url = str(run.output.get("padded_url"))
    with http_client(url) as client:
        response = client.get(url)
    expect(response.status_code, "HTTP status of padded_url").equals(200)
    return response.content


def padded_object(run: TaskRun, index: int = 0) -> frozenset[StoredObject]:
    key = padded_key(run.sent["transcript_id"], index)
    return frozenset({StoredObject(TRANSCRIPT_BUCKET, key)})


def expect_padded(harness: Harness, run: TaskRun, track: Track) -> None:
    samples = to_mono(decode(download(run)))
    expect_words(samples, [track], harness.fleet.profile.time_tolerance_ms)


def expect_source_served(run: TaskRun, source: bytes) -> None:
    expect(run.written, "written objects").equals(frozenset())
    expect(download(run) == source, "padded_url serves the unchanged source").equals(True)


@pytest.mark.clause("pad_track.source-url")
def test_raw_track_is_read_by_a_presigned_url(harness: Harness) -> None:
    run = pad(harness, record_webm(make_track(*WORDS, offset=1.5)))

    reads = [
        request
        for request in run.requests_to("s3")
        if request.method == "GET" and request.path == f"/{RECORDING_BUCKET}/{KEY}"
    ]
    expect(len(reads), "reads of the raw track").holds(bool(reads), "at least one")
    others = [request.query for request in reads if not is_presigned(request)]
    expect(others, "reads of the raw track without a presigned URL").equals([])


@pytest.mark.clause("pad_track.source-url")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": True}], ids=str)
@pytest.mark.parametrize("method", [None, "GET"], ids=["first request", "first read"])
def test_transient_s3_failure_is_recovered(
    method: str | None, fault: dict[str, Any], harness: Harness
) -> None:
    track = make_track(*WORDS, offset=1.5)
    harness.break_service("s3", method=method, path=f"/{RECORDING_BUCKET}/*", times=1, **fault)

    run = pad(harness, record_webm(track))

    expect_padded(harness, run, track)


@pytest.mark.clause("pad_track.source-url")
def test_unavailable_s3_is_retryable(harness: Harness) -> None:
    harness.break_service("s3", method="HEAD", status=503)
    harness.break_service("s3", method="GET", path=f"/{RECORDING_BUCKET}/*", status=503)

    run = pad(harness, record_webm(make_track(*WORDS, offset=1.5)), retries=1)

    expect(run.statuses, "attempt statuses").equals(["FAILED", "FAILED"])


@pytest.mark.clause("pad_track.offset")
@pytest.mark.parametrize("offset", [0.04, 2.5, 6.5], ids=lambda s: f"{s} s")
def test_every_word_is_delayed_by_the_offset(offset: float, harness: Harness) -> None:
    # 6.5 s is longer than the audio itself; the last word ends with the track.
    track = make_track(*WORDS, 3.92, offset=offset)

    run = pad(harness, record_webm(track))

    expect_padded(harness, run, track)


@pytest.mark.clause("pad_track.offset")
def test_every_word_is_delayed_at_another_sample_rate(harness: Harness) -> None:
    track = make_track(*WORDS, offset=1.25)

    run = pad(harness, vorbis_at_44100_hz(track))

    expect_padded(harness, run, track)


@pytest.mark.clause("pad_track.no-start-time")
@pytest.mark.parametrize("kind", ["missing", "negative"])
def test_missing_or_negative_start_time_counts_as_0(kind: str, harness: Harness) -> None:
    samples = render_channels(make_track(*WORDS))
    if kind == "missing":  # WAV has no timestamps
        source = encode(samples, container="wav", codec="pcm_s16le")
    else:
        source = encode(samples, start=Fraction(-3, 4))

    run = pad(harness, source)

    expect_source_served(run, source)


@pytest.mark.clause("pad_track.live-start-time")
@pytest.mark.parametrize("offset", [Fraction(1, 8), Fraction(7, 2)], ids=lambda s: f"{float(s)} s")
def test_start_time_of_a_live_file_counts(offset: Fraction, harness: Harness) -> None:
    track = make_track(*WORDS, offset=float(offset))

    run = pad(harness, encode(render_channels(track), start=offset, live=True))

    expect_padded(harness, run, track)


@pytest.mark.clause("pad_track.chain")
@pytest.mark.parametrize("gap", [(0.5, 0.8), (1.2, 3.2)], ids=str)
def test_gap_between_packets_keeps_its_length(gap: tuple[float, float], harness: Harness) -> None:
    starts = [start for start in WORDS if not gap[0] - 0.1 < start < gap[1]]
    track = make_track(*starts, offset=1.0, gaps=[gap])

    run = pad(harness, record_webm(track))

    expect_padded(harness, run, track)


@pytest.mark.clause("pad_track.milliseconds")
# As floats, these offsets times 1000 are slightly below the whole number.
@pytest.mark.parametrize("offset", [1.001, 1.023, 2.002], ids=lambda s: f"{s} s")
def test_silence_is_exact_to_the_millisecond(offset: float, harness: Harness) -> None:
    source = record_webm(make_track(*WORDS, offset=offset))

    run = pad(harness, source)

    silence_ms = delay_ms(to_mono(decode(download(run))), to_mono(decode(source)))
    expect(silence_ms, "milliseconds of silence").is_near(offset * 1000, 0.45)


@pytest.mark.clause("pad_track.sample-exact")
@pytest.mark.parametrize("gaps", [[], [(1.2, 2.52)]], ids=["without gap", "with gap"])
@pytest.mark.parametrize("offset", [0.001, 2.345], ids=lambda s: f"{s} s")
def test_every_word_starts_at_its_sample(
    offset: float, gaps: list[tuple[float, float]], harness: Harness
) -> None:
    starts = [start for start in WORDS if not gaps or not 1.1 < start < 2.6]
    track = make_track(*starts, offset=offset, gaps=gaps)

    run = pad(harness, record_webm(track))

    expect_sample_exact(to_mono(decode(download(run))), [track])


@pytest.mark.clause("pad_track.sample-exact")
def test_every_word_starts_at_its_sample_at_another_sample_rate(harness: Harness) -> None:
    track = make_track(*WORDS, offset=1.25)

    run = pad(harness, vorbis_at_44100_hz(track))

    expect_sample_exact(to_mono(decode(download(run))), [track])


@pytest.mark.clause("pad_track.stereo")
def test_both_channels_are_delayed_equally(harness: Harness) -> None:
    left, right = make_track(*WORDS, offset=1.5), make_track(*WORDS, index=3, offset=1.5)

    run = pad(harness, encode(render_channels(left, right), start=Fraction(3, 2)))

    channels = decode(download(run))
    expect(len(channels), "number of channels").equals(2)
    for channel, track in zip(channels, (left, right), strict=True):
        expect_words(channel, [track], harness.fleet.profile.time_tolerance_ms)


@pytest.mark.clause("pad_track.not-needed")
def test_track_without_offset_is_served_unchanged(harness: Harness) -> None:
    source = record_webm(make_track(*WORDS))

    run = pad(harness, source)

    expect_source_served(run, source)


@pytest.mark.clause("pad_track.start-time-zero")
def test_padded_track_has_start_time_0(harness: Harness) -> None:
    run = pad(harness, record_webm(make_track(*WORDS, offset=2.5)))

    expect(read_start_time(download(run)), "start_time of the padded track").equals(0.0)


@pytest.mark.clause("pad_track.upload")
@pytest.mark.parametrize("index", [0, 10, 63])
def test_padded_track_is_stored_under_its_key(index: int, harness: Harness) -> None:
    run = pad(harness, record_webm(make_track(*WORDS, offset=1.5)), track_index=index)

    expect(run.written, "written objects").equals(padded_object(run, index))
    expect(run.output.get("track_index"), "track_index").equals(index)


@pytest.mark.clause("pad_track.upload")
@pytest.mark.parametrize("replaced", [False, True])
def test_second_run_stores_the_same_audio_under_the_same_key(
    replaced: bool, harness: Harness
) -> None:
    """Also if the object has other audio by then."""
    track = make_track(*WORDS, offset=1.5)
    first = pad(harness, record_webm(track))
    if replaced:
        key = padded_key(first.sent["transcript_id"], 0)
        put_object(harness, TRANSCRIPT_BUCKET, key, record_webm(make_track(0.9, index=1)))

    second = harness.run_task(TASK, first.sent)

    others = second.written - padded_object(first)
    expect(others, "objects written under other keys").equals(frozenset())
    expect_padded(harness, second, track)


@pytest.mark.clause("pad_track.upload")
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}], ids=str)
def test_transient_upload_failure_is_recovered(fault: dict[str, Any], harness: Harness) -> None:
    track = make_track(*WORDS, offset=1.5)
    harness.break_service("s3", method="PUT", path=f"/{TRANSCRIPT_BUCKET}/*", times=1, **fault)

    run = pad(harness, record_webm(track))

    expect_padded(harness, run, track)
    expect(run.written, "written objects").equals(padded_object(run))


@pytest.mark.clause("pad_track.presigned")
@pytest.mark.parametrize("offset", [0.0, 1.5], ids=["unchanged", "padded"])
def test_padded_url_serves_size_bytes_until_it_expires(offset: float, harness: Harness) -> None:
    run = pad(harness, record_webm(make_track(*WORDS, offset=offset)))

    expect(run.output.get("size"), "size").equals(len(download(run)))
    query = parse_qs(urlsplit(str(run.output.get("padded_url"))).query)
    expect(query.get("X-Amz-Expires"), "X-Amz-Expires").equals([str(PRESIGN_SECONDS)])


@pytest.mark.clause("pad_track.broken-media")
@pytest.mark.parametrize("kind", ["no audio stream", "not audio", "empty"])
def test_unreadable_media_fails_terminally(kind: str, harness: Harness) -> None:
    sources = {"no audio stream": video_without_audio(), "not audio": b"<html>" * 999, "empty": b""}

    run = pad(harness, sources[kind])

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(run.written, "written objects").equals(frozenset())


@pytest.mark.clause("pad_track.broken-media")
def test_truncated_track_fails_the_task(harness: Harness) -> None:
    source = record_webm(make_track(*WORDS, offset=1.5))

    run = pad(harness, source[: len(source) // 2])

    expect(run.workflow_status, "status of the workflow").equals("FAILED")
    expect(run.written, "written objects").equals(frozenset())

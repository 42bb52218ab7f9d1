from __future__ import annotations

import logging
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.s3.server import S3Server

BUCKET = "recordings"
KEYS = ["plain.webm", "room with spaces/a b.webm", "räume/日本語/ü+1&2=3%20#?.webm"]


@pytest.fixture
def s3() -> Iterator[S3Server]:
    with S3Server([BUCKET]) as server:
        yield server


def put(s3: S3Server, key: str, content: bytes) -> None:
    """Store some bytes."""
    s3.client().put_object(Bucket=BUCKET, Key=key, Body=content)


def delete(s3: S3Server, key: str) -> None:
    """Delete an object the way a fleet does."""
    s3.client().delete_object(Bucket=BUCKET, Key=key)


@pytest.mark.parametrize("key", KEYS)
def test_a_file_is_stored_listed_and_read_back(s3: S3Server, tmp_path: Path, key: str) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"some content")

    s3.put_file(BUCKET, key, path)

    assert s3.keys(BUCKET) == [key]
    assert s3.read(BUCKET, key) == b"some content"
    with urllib.request.urlopen(s3.presign(BUCKET, key)) as answer:
        assert answer.read() == b"some content"


def test_keys_can_be_asked_for_by_prefix(s3: S3Server) -> None:
    for key in ("b/2", "b/1", "a/1"):
        put(s3, key, b"")

    assert s3.keys(BUCKET) == ["a/1", "b/1", "b/2"]
    assert s3.keys(BUCKET, "b/") == ["b/1", "b/2"]


@pytest.mark.parametrize("key", KEYS)
def test_what_was_deleted_stays_as_evidence(s3: S3Server, key: str) -> None:
    put(s3, key, b"first")
    put(s3, key, b"second")
    assert not s3.gone(BUCKET, key)

    delete(s3, key)

    assert s3.gone(BUCKET, key)
    assert s3.keys(BUCKET) == []
    with pytest.raises(KeyError, match="recordings"):
        s3.read(BUCKET, key)
    assert s3.read_version(BUCKET, key) == b"second"
    assert [(v.size, v.deleted) for v in s3.history(BUCKET, key)] == [
        (5, False),
        (6, False),
        (0, True),
    ]


def test_an_object_written_again_after_its_deletion_is_not_gone(s3: S3Server) -> None:
    put(s3, "a", b"first")
    delete(s3, "a")
    put(s3, "a", b"again")

    assert not s3.gone(BUCKET, "a")
    assert [v.deleted for v in s3.history(BUCKET, "a")] == [False, True, False]
    assert s3.read_version(BUCKET, "a") == b"again"


def test_what_never_was_is_not_gone(s3: S3Server) -> None:
    put(s3, "track-10", b"")

    assert not s3.gone(BUCKET, "track-1")
    assert s3.history(BUCKET, "track-1") == []
    with pytest.raises(KeyError, match="track-1"):
        s3.read_version(BUCKET, "track-1")


@pytest.mark.parametrize(
    ("asked", "content", "header"),
    [
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
    ],
)
def test_parts_of_an_object_are_served(
    s3: S3Server, asked: str, content: bytes, header: str
) -> None:
    put(s3, KEYS[2], b"0123456789")
    request = urllib.request.Request(s3.presign(BUCKET, KEYS[2]), headers={"Range": asked})

    with urllib.request.urlopen(request) as answer:
        assert (answer.status, answer.read()) == (206, content)
        assert answer.headers["Content-Range"] == header


def test_a_part_beyond_the_end_is_refused(s3: S3Server) -> None:
    put(s3, "a", b"0123456789")
    request = urllib.request.Request(s3.presign(BUCKET, "a"), headers={"Range": "bytes=20-"})

    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)

    caught.value.close()
    assert caught.value.code == 416


@pytest.mark.parametrize("key", KEYS)
def test_libav_reads_and_seeks_by_a_presigned_url(s3: S3Server, tmp_path: Path, key: str) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        ramp = np.arange(30 * 8000, dtype=np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(ramp, format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    s3.put_file(BUCKET, key, path)

    with av.open(s3.presign(BUCKET, key), options={"seekable": "1"}) as audio:
        audio.seek(20_000_000)
        first = next(audio.decode(audio=0))

    assert first.time is not None
    assert first.time == pytest.approx(20, abs=0.6)
    assert first.to_ndarray()[0, 0] == np.int64(round(first.time * 8000)).astype(np.int16)


def test_a_new_server_knows_nothing_of_an_earlier_one(s3: S3Server) -> None:
    put(s3, "a", b"")
    s3.stop()

    with S3Server([BUCKET]) as later:
        assert later.keys(BUCKET) == []


def test_reset_forgets_objects_and_keeps_buckets(s3: S3Server) -> None:
    put(s3, "a", b"")

    s3.reset()

    assert s3.history(BUCKET, "a") == []
    assert s3.keys(BUCKET) == []


def test_a_server_that_is_not_running_has_no_endpoint(s3: S3Server) -> None:
    endpoint = s3.endpoint
    s3.stop()

    with pytest.raises(TestbedError, match="not running"):
        _ = s3.endpoint
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(endpoint)


def test_stopping_twice_does_no_harm(s3: S3Server) -> None:
    s3.stop()
    s3.stop()


def test_requests_are_not_logged(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        put(s3, "a", b"")

    assert "PUT" not in caplog.text

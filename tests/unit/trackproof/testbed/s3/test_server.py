from __future__ import annotations

import logging
import urllib.error
import urllib.request
from pathlib import Path

import av
import numpy as np
import pytest

from tests.unit.trackproof.testbed.s3.conftest import BUCKET
from trackproof.errors import TestbedError
from trackproof.testbed.s3.server import S3Server

pytestmark = pytest.mark.slow

KEY = "räume/日本語 a b/ü+1&2=3%20#?.webm"


def put(s3: S3Server, key: str, content: bytes = b"") -> None:
    s3.client().put_object(Bucket=BUCKET, Key=key, Body=content)


def delete(s3: S3Server, key: str) -> None:
    """Delete an object as a fleet does."""
    s3.client().delete_object(Bucket=BUCKET, Key=key)


def test_file_is_stored_listed_and_read(s3: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "content"
    path.write_bytes(b"some content")

    s3.put_file(BUCKET, KEY, path)

    assert s3.keys(BUCKET) == [KEY]
    assert s3.read(BUCKET, KEY) == b"some content"
    with urllib.request.urlopen(s3.presign(BUCKET, KEY)) as response:
        assert response.read() == b"some content"


def test_keys_are_filtered_by_prefix(s3: S3Server) -> None:
    for key in ("b/2", "b/1", "a/1"):
        put(s3, key)

    assert s3.keys(BUCKET) == ["a/1", "b/1", "b/2"]
    assert s3.keys(BUCKET, "b/") == ["b/1", "b/2"]


def test_deleted_object_remains_as_evidence(s3: S3Server) -> None:
    put(s3, KEY, b"first")
    put(s3, KEY, b"second")
    assert not s3.gone(BUCKET, KEY)

    delete(s3, KEY)

    assert s3.gone(BUCKET, KEY)
    assert s3.keys(BUCKET) == []
    with pytest.raises(KeyError, match="recordings"):
        s3.read(BUCKET, KEY)
    assert s3.read_version(BUCKET, KEY) == b"second"
    history = [(version.size, version.deleted) for version in s3.history(BUCKET, KEY)]
    assert history == [(5, False), (6, False), (0, True)]


def test_object_written_after_its_deletion_is_not_gone(s3: S3Server) -> None:
    put(s3, "a", b"first")
    delete(s3, "a")
    put(s3, "a", b"again")

    assert not s3.gone(BUCKET, "a")
    assert [version.deleted for version in s3.history(BUCKET, "a")] == [False, True, False]
    assert s3.read_version(BUCKET, "a") == b"again"


def test_object_that_never_existed_is_not_gone(s3: S3Server) -> None:
    put(s3, "track-10")

    assert not s3.gone(BUCKET, "track-1")
    assert s3.history(BUCKET, "track-1") == []
    with pytest.raises(KeyError, match="track-1"):
        s3.read_version(BUCKET, "track-1")


def test_libav_reads_and_seeks_by_a_presigned_url(s3: S3Server, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        ramp = np.arange(30 * 8000, dtype=np.int16)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(ramp, format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    s3.put_file(BUCKET, KEY, path)

    with av.open(s3.presign(BUCKET, KEY), options={"seekable": "1"}) as audio:
        audio.seek(20_000_000)
        first = next(audio.decode(audio=0))

    assert first.time is not None
    assert first.time == pytest.approx(20, abs=0.6)
    assert first.to_ndarray()[0, 0] == np.int64(round(first.time * 8000)).astype(np.int16)


def test_requests_are_not_logged(s3: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        put(s3, "a")

    assert "PUT" not in caplog.text


def test_stopped_server_has_no_endpoint_and_a_new_one_is_empty() -> None:
    with S3Server([BUCKET]) as server:
        put(server, "a")
        endpoint = server.endpoint
        server.stop()

        with pytest.raises(TestbedError, match="not running"):
            _ = server.endpoint
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(endpoint)

        server.start()
        assert server.keys(BUCKET) == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_users_proxy_gets_no_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")

    with S3Server([BUCKET]) as s3:
        s3.client().put_object(Bucket=BUCKET, Key="k", Body=b"content")

        assert s3.read(BUCKET, "k") == b"content"

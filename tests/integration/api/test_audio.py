from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from reference_workers.services.object_keys import audio_key
from reference_workers.settings import Settings
from tests.integration.api.api_process import ServedApi, serve_api
from tests.integration.api.hostile_clients import answering, hanging_after, misbehaving
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, TRANSCRIPTS
from trackproof.testbed.s3.server import S3Server

PATH = f"/transcripts/{TRANSCRIPT_ID}/audio"
AUDIO = bytes(range(256)) * 1200
"""300 KB: several chunks."""


@pytest.fixture(autouse=True)
def _mixdown(s3: S3Server, tmp_path: Path) -> None:
    store(s3, tmp_path, AUDIO)


def store(s3: S3Server, folder: Path, content: bytes) -> None:
    path = folder / "audio.mp3"
    path.write_bytes(content)
    s3.put_file(TRANSCRIPTS, audio_key(TRANSCRIPT_ID), path)


def test_the_whole_mixdown(api: ServedApi) -> None:
    response = api.get(PATH)

    assert response.status_code == 200
    assert response.content == AUDIO
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["content-length"] == str(len(AUDIO))
    assert response.headers["accept-ranges"] == "bytes"
    assert "content-range" not in response.headers


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=100-99999", 100, 99_999),
        ("bytes=307000-", 307_000, 307_199),
        ("bytes=-200", 307_000, 307_199),
        ("bytes=0-999999999", 0, 307_199),
    ],
)
def test_a_range_of_the_mixdown(api: ServedApi, header: str, first: int, last: int) -> None:
    response = api.get(PATH, headers={"Range": header})

    assert response.status_code == 206
    assert response.content == AUDIO[first : last + 1]
    assert response.headers["content-range"] == f"bytes {first}-{last}/307200"
    assert response.headers["content-length"] == str(last + 1 - first)


def test_a_range_beyond_the_end_is_416(api: ServedApi) -> None:
    response = api.get(PATH, headers={"Range": "bytes=307200-"})

    assert response.status_code == 416
    assert response.headers["content-range"] == "bytes */307200"
    assert response.headers["content-type"] == "application/problem+json"


def test_if_range_with_another_version_gets_the_whole(
    api: ServedApi, s3: S3Server, tmp_path: Path
) -> None:
    etag = api.get(PATH, headers={"Range": "bytes=0-1"}).headers["etag"]
    same = api.get(PATH, headers={"Range": "bytes=2-3", "If-Range": etag})
    store(s3, tmp_path, AUDIO[::-1])
    other = api.get(PATH, headers={"Range": "bytes=2-3", "If-Range": etag})

    assert (same.status_code, same.content) == (206, AUDIO[2:4])
    assert (other.status_code, other.content) == (200, AUDIO[::-1])


def test_if_none_match_with_the_current_version_is_304(api: ServedApi) -> None:
    etag = api.get(PATH).headers["etag"]
    again = api.get(PATH, headers={"If-None-Match": etag})

    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)


def test_head_returns_size_and_version(api: ServedApi) -> None:
    head = api.http.head(PATH, headers={"Range": "bytes=0-1"})
    whole = api.get(PATH)

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "content-type", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


def test_an_empty_mixdown(api: ServedApi, s3: S3Server, tmp_path: Path) -> None:
    store(s3, tmp_path, b"")

    assert api.get(PATH).content == b""
    assert api.get(PATH, headers={"Range": "bytes=0-"}).status_code == 416


def test_no_mixdown_yet_is_404(api: ServedApi, s3: S3Server) -> None:
    s3.client().delete_object(Bucket=TRANSCRIPTS, Key=audio_key(TRANSCRIPT_ID))

    response = api.get(PATH)

    assert (response.status_code, response.json()["detail"]) == (404, "no audio yet")


def test_deleted_audio_is_410(api: ServedApi) -> None:
    # Even if the storage still has an object.
    with api.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.audio_deleted = True

    response = api.get(PATH)

    assert response.status_code == 410
    assert "denied consent" in response.json()["detail"]
    assert api.http.head(PATH).status_code == 410


def with_storage(settings: Settings, port: int) -> Settings:
    return settings.model_copy(
        update={"s3_endpoint_url": f"http://127.0.0.1:{port}", "outside_timeout_seconds": 0.5}
    )


def test_a_hanging_storage_is_503_and_does_not_block_other_routes(settings: Settings) -> None:
    with misbehaving(hanging_after(b"")) as port, serve_api(with_storage(settings, port)) as api:
        audio = api.get(PATH)
        rest = api.get(f"/transcripts/{TRANSCRIPT_ID}")

    assert (audio.status_code, rest.status_code) == (503, 200)
    assert str(port) not in audio.text


def test_a_refusal_of_the_storage_is_502(settings: Settings) -> None:
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with misbehaving(answering(refusal)) as port, serve_api(with_storage(settings, port)) as api:
        assert api.get(PATH).status_code == 502


def test_a_storage_failure_during_the_response_cuts_the_connection(settings: Settings) -> None:
    def behave(connection: socket.socket, _: object) -> None:
        request = connection.recv(65_536)
        headers = b'Content-Length: 1000000\r\nETag: "a"\r\nLast-Modified: '
        headers += b"Wed, 25 Nov 2026 12:00:00 GMT\r\nConnection: close\r\n\r\n"
        if request.startswith(b"HEAD"):
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + headers)
        else:
            connection.sendall(b"HTTP/1.1 206 Partial Content\r\n" + headers + b"x" * 100_000)

    with (
        capture_logs() as logged,
        misbehaving(behave) as port,
        serve_api(with_storage(settings, port)) as api,
    ):
        with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
            api.get(PATH)
        after = api.get(f"/transcripts/{TRANSCRIPT_ID}")

    assert after.status_code == 200
    assert "storage read failed" in [line["event"] for line in logged]


def test_a_disconnect_releases_the_storage_thread(api: ServedApi) -> None:
    for _ in range(40):  # more than storage threads
        with api.http.stream("GET", PATH) as response:
            next(response.iter_raw())

    assert api.get(PATH).content == AUDIO

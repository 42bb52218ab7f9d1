"""S3 as it is sold: folders, virtual hosts, private CAs, and stores that lose a part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
import trustme
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fixtures_audio import make_meeting, write_track
from reference_workers import tls
from reference_workers.audio.padding import offset_seconds, write_padded
from reference_workers.errors import PermanentError
from reference_workers.services.storage import Storage
from tests.unit.reference_workers.worker_harness import RECORDINGS, TRANSCRIPTS, settings
from trackproof.testbed.s3.server import S3Server
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.server import serve_app

KEY = "/lead//ing a+b 100%/Zürich?#&.webm"
FOLDER = "/storage/v1/s3"


def storage_at(s3: S3Server, folder: Path, endpoint: str, style: str = "path") -> Storage:
    changes = {"s3_endpoint_url": endpoint, "s3_addressing_style": style}
    return Storage(settings(s3, folder, **changes))


@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("endpoint", ["https://s3.test", f"https://s3.test{FOLDER}"])
def test_a_url_is_presigned_again_for_the_same_object(
    endpoint: str, style: str, s3: S3Server, tmp_path: Path
) -> None:
    storage = storage_at(s3, tmp_path, endpoint, style)
    url = storage.presign(KEY, bucket=RECORDINGS)

    again = storage.presign_again(f"{url}&expired=yes")

    assert "expired" not in again
    assert urlsplit(again)._replace(query="") == urlsplit(url)._replace(query="")
    assert unquote(urlsplit(again).path).endswith(KEY)


def test_urls_of_others_stay_as_they_are(s3: S3Server, tmp_path: Path) -> None:
    storage = storage_at(s3, tmp_path, f"https://s3.test{FOLDER}")

    for url in (
        "https://s3.test/other/recordings/a?X-Amz-Signature=x",
        "https://elsewhere.test/storage/v1/s3/recordings/a?X-Amz-Signature=x",
        f"https://s3.test{FOLDER}/bucket-only",
    ):
        assert storage.presign_again(url) == url


def test_an_upload_of_which_a_part_is_lost_fails_at_once(s3: S3Server, tmp_path: Path) -> None:
    source = tmp_path / "audio"
    source.write_bytes(bytes(1000))
    s3.faults.add(Fault(service="s3", method="PUT", store_only=700))
    try:
        with pytest.raises(PermanentError, match="1000 bytes were sent, 700 are stored"):
            storage_at(s3, tmp_path, s3.endpoint).put_file("a/b", source, content_type="audio/webm")
    finally:
        s3.faults.clear()


@pytest.fixture
def https_endpoint(s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the S3 server below a folder over HTTPS, with a CA that only SSL_CERT_FILE names."""

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode().removeprefix(FOLDER)
        url = f"{s3.endpoint}{path}?{scope['query_string'].decode()}"
        async with httpx.AsyncClient() as client:
            answer = await client.request(
                request.method, url, headers=request.headers.items(), content=await request.body()
            )
        response = Response(answer.content, answer.status_code)
        response.raw_headers = [(k.lower(), v) for k, v in answer.headers.raw]
        await response(scope, receive, send)

    authority = trustme.CA()
    ca_file, certificate = tmp_path / "ca.pem", tmp_path / "certificate.pem"
    ca_file.write_bytes(authority.cert_pem.bytes())
    issued = authority.issue_cert("localhost", "127.0.0.1")
    certificate.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
    with serve_app("S3", forward, certificate=certificate) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
        tls.context.cache_clear()
        yield f"https://127.0.0.1:{port}{FOLDER}"
    tls.context.cache_clear()


def test_tracks_are_padded_over_https_with_a_private_ca(
    https_endpoint: str, s3: S3Server, tmp_path: Path
) -> None:
    track = tmp_path / "track.webm"
    write_track(make_meeting(tracks=2, seconds=3, seed=1).tracks[1], track)
    s3.put_file(RECORDINGS, "a track.webm", track)
    storage = storage_at(s3, tmp_path, https_endpoint)
    source, target = storage.presign("a track.webm", bucket=RECORDINGS), tmp_path / "padded.webm"

    write_padded(source, target, offset_seconds(source))
    size = storage.put_file("padded.webm", target, content_type="audio/webm")

    assert storage.sha256(storage.presign("padded.webm"))
    assert len(s3.read(TRANSCRIPTS, "padded.webm")) == size

"""Mixdowns are read from S3, over HTTP and from a folder; a missing one is no error."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.background import in_background
from trackproof.errors import TestbedError, UsageError
from trackproof.verify.mixdowns import mixdown_reader

NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"


class Store(BaseHTTPRequestHandler):
    """Serves one object, in the way of S3."""

    def do_GET(self) -> None:
        status = {"/mixes/t%201.mp3": 200, "/mixes/refused.mp3": 403}.get(self.path, 404)
        body = b"sound" if status == 200 else NO_SUCH_KEY if status == 404 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Store) as server, in_background(server):
        url = f"http://127.0.0.1:{server.server_port}"
        variables = {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "id",
            "AWS_SECRET_ACCESS_KEY": "key",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        yield url


@pytest.mark.parametrize("base", ["s3:/", "store"])
def test_an_object_is_read_and_a_missing_one_is_none(base: str, store: str) -> None:
    root = store if base == "store" else base
    read = mixdown_reader(f"{root}/mixes/{{transcript_id}}.mp3")

    found: Any = read("t 1")
    assert found.read() == b"sound"
    assert read("unknown") is None
    with pytest.raises(TestbedError, match="cannot be read"):
        read("refused")


def test_a_file_is_read_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "t1.mp3").write_bytes(b"sound")
    read = mixdown_reader(f"{tmp_path}/{{transcript_id}}.mp3")

    assert read("t1") == tmp_path / "t1.mp3"
    assert read("t2") is None


def test_a_template_without_the_transcript_is_refused() -> None:
    with pytest.raises(UsageError, match="the same for every transcript"):
        mixdown_reader("mix.mp3")

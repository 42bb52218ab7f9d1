from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import httpx
import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.http import (
    fetch_json,
    is_retryable,
    open_client,
    send_request,
)
from reference_workers.services.webhook import Webhook, signature
from reference_workers.services.zulip import Zulip
from reference_workers.settings import Settings
from trackproof.testbed.stand_ins import sign


def client_with(response: httpx.Response | Exception) -> httpx.Client:
    """Return a client that answers every request with `response`."""

    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return httpx.Client(transport=httpx.MockTransport(answer))


def test_retryable_statuses() -> None:
    retryable = {status for status in range(100, 600) if is_retryable(status)}

    assert retryable == {408, 425, 429, *range(500, 600)}


@pytest.mark.parametrize("url", ["not a url", "ftp://webhook.test/x", "http://[::1", "/hooks"])
def test_an_invalid_url_is_a_permanent_failure(url: str) -> None:
    webhook = Webhook(Settings())

    with pytest.raises(PermanentError, match="invalid URL"):
        webhook.send(url, b"{}", event="e", retry=0, timestamp=1, secret=None)
    webhook.close()


def test_a_missing_zulip_url_is_a_permanent_failure() -> None:
    zulip = Zulip(Settings(zulip_url=""))

    with pytest.raises(PermanentError, match="invalid URL"):
        zulip.post("meetings", "topic", "content")
    zulip.close()


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("cut"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_answer_is_a_transient_failure(error: Exception) -> None:
    with client_with(error) as client, pytest.raises(TransientError, match="no answer") as caught:
        send_request(client, "GET", "https://service.test/path?token=secret")

    assert str(caught.value).startswith("GET service.test/path:")
    assert "secret" not in str(caught.value)


def test_a_refusal_contains_host_and_path_without_the_query() -> None:
    with (
        client_with(httpx.Response(403, text="secret body")) as client,
        pytest.raises(PermanentError) as caught,
    ):
        fetch_json(client, "GET", "https://service.test/path?token=secret")

    assert str(caught.value) == "GET service.test/path: answered 403"


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'"text"', b"\xff"])
def test_a_response_that_is_not_an_object_is_transient(body: bytes) -> None:
    with (
        client_with(httpx.Response(200, content=body)) as client,
        pytest.raises(TransientError, match="the response is not"),
    ):
        fetch_json(client, "GET", "https://service.test/")


def test_the_signature_matches_the_stand_ins() -> None:
    body = '{"name": "李小龍"}'.encode()

    assert signature("s3cret", 1_700_000_000, body) == sign("s3cret", body, 1_700_000_000)


DRIPPED = {
    "headers": [b"HTTP/1.1 200 OK\r\nX-Slow: ", *[b"a"] * 1000],
    "body": [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", *[b"{"] * 1000],
    "nothing": [b""] * 1000,
}


@contextmanager
def dripping(parts: Sequence[bytes]) -> Iterator[str]:
    """Serve one connection, a part every 50 ms; yield the URL."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                for part in parts:
                    connection.sendall(part)
                    if done.wait(0.05):
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize("part", DRIPPED)
def test_an_answer_that_never_ends_is_given_up(part: str) -> None:
    # encode/httpx#1450: each single read is quick.
    with (
        dripping(DRIPPED[part]) as url,
        open_client(timeout=0.3) as client,
        pytest.raises(TransientError, match=r"no answer \(ReadTimeout\)"),
    ):
        fetch_json(client, "GET", url)


def test_a_webhooks_answer_ends_with_its_status() -> None:
    with dripping(DRIPPED["body"]) as url:
        webhook = Webhook(Settings(outside_timeout_seconds=20))
        assert webhook.send(url, b"{}", event="e", retry=0, timestamp=1, secret=None) == 200
        webhook.close()


def test_a_large_answer_is_given_up() -> None:
    with (
        client_with(httpx.Response(200, content=b" " * 2_000_001)) as client,
        pytest.raises(TransientError, match="larger than 2 MB"),
    ):
        send_request(client, "GET", "https://service.test/", max_bytes=2_000_000)


def test_a_compressed_answer_is_decoded_once() -> None:
    body = gzip.compress(b'{"a": "b\\u0000\\ud83d"}')
    headers = {"Content-Encoding": "gzip"}
    with client_with(httpx.Response(200, content=body, headers=headers)) as client:
        data = fetch_json(client, "GET", "https://service.test/")

    assert data == {"a": "b\N{REPLACEMENT CHARACTER}"}

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.services.http import (
    fetch,
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
        allowed = Settings(outside_timeout_seconds=20, webhook_allowed_hosts=("127.0.0.1",))
        webhook = Webhook(allowed)
        sent = webhook.send(url, b"{}", event="e", retry=0, timestamp=1, secret=None)
        assert sent.status_code == 200
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


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, b"", 7),
        ({"Retry-After": "7.5"}, b"<html>", 7.5),
        ({}, b'{"result": "error", "code": "RATE_LIMIT_HIT", "retry-after": 28.7}', 28.7),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"", 0),
        ({"Retry-After": "soon"}, b"[]", 0),
        ({"Retry-After": "inf"}, b"{}", 0),
        ({"Retry-After": "-3"}, b'{"retry-after": null}', 0),
    ],
)
def test_a_service_says_when_it_wants_the_next_request(
    headers: dict[str, str], body: bytes, seconds: float
) -> None:
    with (
        client_with(httpx.Response(429, headers=headers, content=body)) as client,
        pytest.raises(TransientError) as caught,
    ):
        fetch(client, "GET", "https://service.test/")

    assert caught.value.retry_after == seconds


def test_a_date_in_retry_after_is_respected() -> None:
    headers = {
        "Retry-After": format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)
    }
    with (
        client_with(httpx.Response(503, headers=headers)) as client,
        pytest.raises(TransientError) as caught,
    ):
        fetch(client, "GET", "https://service.test/")

    assert 50 < caught.value.retry_after <= 60

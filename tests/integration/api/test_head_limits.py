"""Half-sent requests neither use up the API nor keep it from answering and stopping."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from reference_workers.platform.api import head_limits
from reference_workers.platform.api.head_limits import MAX_WAITING
from tests.integration.api.api_process import ServedApi
from trackproof.wait import wait_until

SENT = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Half"


def connect(api: ServedApi, data: bytes = SENT) -> socket.socket:
    port = int(api.url.rpartition(":")[2])
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    connection.sendall(data)
    return connection


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.01)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@pytest.fixture
def sockets() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_health_answers_beside_half_sent_requests_and_the_api_stops(
    api: ServedApi, sockets: ExitStack
) -> None:
    half_sent = []
    for _ in range(1_100):
        with suppress(OSError):
            half_sent.append(sockets.enter_context(connect(api)))
    assert len(half_sent) == 1_100

    began = time.monotonic()
    answer = api.get("/conductor/health")
    assert answer.status_code in {200, 503}
    assert time.monotonic() - began < 2

    closed = wait_until(
        lambda: (count := sum(map(is_closed, half_sent))) >= 1_100 - MAX_WAITING and count,
        what="the oldest connections to be closed",
        timeout=5,
    )
    assert closed

    began = time.monotonic()
    api.stop()
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("sent", [b"", b"GET / HT", SENT])
def test_a_head_has_a_deadline(
    sent: bytes, api: ServedApi, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_limits, "HEAD_SECONDS", 0.2)
    connection = sockets.enter_context(connect(api, sent))

    wait_until(lambda: is_closed(connection), what="the connection to be closed", timeout=5)


def test_a_further_head_of_a_connection_has_a_deadline_too(
    api: ServedApi, sockets: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head_limits, "HEAD_SECONDS", 0.2)
    connection = sockets.enter_context(
        connect(api, b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    )
    assert b"HTTP/1.1" in connection.recv(65_536)
    connection.sendall(SENT)

    def ends() -> bool:
        try:
            return connection.recv(65_536) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    connection.settimeout(0.05)
    wait_until(ends, what="the connection to be closed", timeout=3)


def test_an_endless_head_is_refused(api: ServedApi, sockets: ExitStack) -> None:
    connection = sockets.enter_context(connect(api))
    with suppress(OSError):
        for _ in range(100):
            connection.sendall(b"a" * 10_000)

    wait_until(lambda: is_closed_after_reading(connection), what="the refusal", timeout=4)


def is_closed_after_reading(connection: socket.socket) -> bool:
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True

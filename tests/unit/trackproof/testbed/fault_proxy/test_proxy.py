"""The fault proxy breaks connections in the stated way, and mends them when it is lifted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from tests.unit.background import in_background
from trackproof.testbed.fault_proxy import KINDS, ConnectionFault, FaultProxy, Kind
from trackproof.wait import wait_until

ANSWER = b"0123456789"
SECONDS = 5.0


class Server(ThreadingTCPServer):
    """Answers each byte it reads with `ANSWER`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.requests = 0
        super().__init__(("127.0.0.1", 0), Answering)


class Answering(BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        while self.request.recv(1):
            self.server.requests += 1
            self.request.sendall(ANSWER)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server, in_background(server):
        yield server


@pytest.fixture
def proxy(server: Server) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", server.server_address[1], name="the server") as proxy:
        proxy.start()
        yield proxy


@contextmanager
def connected(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=SECONDS) as connection:
        yield connection


def ask(connection: socket.socket) -> bytes:
    """Send a request and return what arrives until the answer is complete or the end."""
    connection.sendall(b"?")
    answer = b""
    while len(answer) < len(ANSWER) and (more := connection.recv(64)):
        answer += more
    return answer


def test_requests_and_answers_pass_without_a_fault(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
    assert (proxy.met, proxy.lost_answers) == (0, 0)


def test_nobody_listens_while_connections_are_refused(proxy: FaultProxy) -> None:
    proxy.apply(ConnectionFault("refuse"))
    with pytest.raises(ConnectionRefusedError), connected(proxy):
        pass
    proxy.lift()
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER


def test_an_open_connection_is_reset_at_its_next_request_while_refused(
    proxy: FaultProxy, server: Server
) -> None:
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER
        proxy.apply(ConnectionFault("refuse"))
        with pytest.raises(ConnectionResetError):
            ask(connection)
    assert server.requests == 1


def test_a_reset_reaches_the_client_and_not_the_server(proxy: FaultProxy, server: Server) -> None:
    proxy.apply(ConnectionFault("reset"))
    with connected(proxy) as connection, pytest.raises(ConnectionResetError):
        ask(connection)
    assert (server.requests, proxy.met, proxy.lost_answers) == (0, 1, 0)


def test_a_hanging_request_passes_when_the_fault_is_lifted(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.apply(ConnectionFault("hang"))
    with connected(proxy) as connection:
        connection.sendall(b"?")
        wait_until(lambda: proxy.met == 1, what="the connection to hang", timeout=SECONDS)
        assert server.requests == 0
        proxy.lift()
        assert connection.recv(64) == ANSWER


def test_a_hanging_request_of_a_client_that_gave_up_never_passes(
    proxy: FaultProxy, server: Server
) -> None:
    proxy.apply(ConnectionFault("hang"))
    with connected(proxy) as connection:
        connection.sendall(b"?")
        wait_until(lambda: proxy.met == 1, what="the connection to hang", timeout=SECONDS)
    proxy.lift()
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER
    assert server.requests == 1


@pytest.mark.parametrize("bytes_before", [0, 4])
def test_an_answer_is_cut_after_some_bytes(proxy: FaultProxy, bytes_before: int) -> None:
    proxy.apply(ConnectionFault("cut", after_bytes=bytes_before))
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER[:bytes_before]
    assert proxy.lost_answers == 1


def test_a_corrupt_answer_has_its_length_and_no_byte_of_its_own(proxy: FaultProxy) -> None:
    proxy.apply(ConnectionFault("corrupt", after_bytes=2))
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER[:2] + b"\xff" * 8


def test_an_answer_drips_until_the_fault_is_lifted(proxy: FaultProxy) -> None:
    proxy.apply(ConnectionFault("drip", pause=0.05))
    with connected(proxy) as connection:
        connection.sendall(b"?")
        assert connection.recv(64) == ANSWER[:1]
        proxy.lift()
        rest = b""
        while len(rest) < len(ANSWER) - 1:
            rest += connection.recv(64)
    assert rest == ANSWER[1:]


def test_a_limited_connection_needs_the_time_of_its_bandwidth(proxy: FaultProxy) -> None:
    proxy.apply(ConnectionFault("limit", bytes_per_second=50))
    start = time.monotonic()
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER
    assert time.monotonic() - start >= 0.1


def test_an_answer_under_way_arrives_although_a_fault_begins(proxy: FaultProxy) -> None:
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER
        connection.sendall(b"?")
        assert connection.recv(1) == ANSWER[:1]  # so the request has passed
        proxy.apply(ConnectionFault("corrupt"))
        rest = b""
        while len(rest) < len(ANSWER) - 1:
            rest += connection.recv(64)
        assert rest == ANSWER[1:]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"hang", "drip", "limit"}])
def test_a_fault_for_one_connection_spares_the_next(proxy: FaultProxy, kind: Kind) -> None:
    proxy.apply(ConnectionFault(kind, connections=1))
    with connected(proxy) as connection, suppress(ConnectionResetError):
        assert ask(connection) != ANSWER
    with connected(proxy) as connection:
        assert ask(connection) == ANSWER
    assert proxy.met == 1


def test_two_connections_fail_apart(proxy: FaultProxy) -> None:
    proxy.apply(ConnectionFault("hang", connections=1))
    answers: list[bytes] = []
    with connected(proxy) as first, connected(proxy) as second:
        first.sendall(b"?")
        wait_until(lambda: proxy.met == 1, what="the first to hang", timeout=SECONDS)
        asking = threading.Thread(target=lambda: answers.append(ask(second)))
        asking.start()
        asking.join(SECONDS)
        assert answers == [ANSWER]

"""A TCP server that does to HTTP clients whatever a test wants."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket, threading.Event], None]
"""Gets a connection, and an event that is set when the test is over."""


@contextmanager
def misbehaving(behaviour: Behaviour) -> Iterator[int]:
    """Yield the port of a server that behaves so towards each connection."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def attend(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client left in anger
            behaviour(connection, over)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # shut down below
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=attend, args=(connection,)))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept, args=(listener,))
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            listener.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def saying(answer: bytes) -> Behaviour:
    """Answer one request and hang up."""

    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    return behave


def saying_json(text: str, status: str = "200 OK") -> Behaviour:
    """Answer one request with JSON and hang up."""
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return saying(f"{head}\r\n\r\n".encode() + body)


def hanging_after(beginning: bytes) -> Behaviour:
    """Say only that, and nothing more."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        over.wait()

    return behave


def dripping(beginning: bytes, drop: bytes) -> Behaviour:
    """Say that, and then drop after drop, so that there is always something new."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        while not over.wait(0.05):
            connection.sendall(drop)

    return behave


def pouring(beginning: bytes) -> Behaviour:
    """Say that, and then more than anybody can take."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        while not over.is_set():
            connection.sendall(b" " * 65_536)

    return behave

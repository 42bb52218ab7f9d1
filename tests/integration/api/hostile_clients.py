"""A TCP server with scripted misbehaviour towards HTTP clients."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket, threading.Event], None]
"""Handles a connection; the event is set at the end of the test."""


@contextmanager
def misbehaving(behaviour: Behaviour) -> Iterator[int]:
    """Yield the port of a server that handles each connection with `behaviour`."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def handle(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # the client disconnected
            behaviour(connection, over)

    def accept(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # shut down below
            while True:
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=handle, args=(connection,)))
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


def answering(answer: bytes) -> Behaviour:
    """Answer one request and disconnect."""

    def behave(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(answer)

    return behave


def answering_json(text: str, status: str = "200 OK") -> Behaviour:
    """Answer one request with JSON and disconnect."""
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return answering(f"{head}\r\n\r\n".encode() + body)


def hanging_after(beginning: bytes) -> Behaviour:
    """Send `beginning` and nothing more."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        over.wait()

    return behave


def dripping(beginning: bytes, drop: bytes) -> Behaviour:
    """Send `beginning`, then `drop` every 50 ms."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        while not over.wait(0.05):
            connection.sendall(drop)

    return behave


def pouring(beginning: bytes) -> Behaviour:
    """Send `beginning`, then data without end."""

    def behave(connection: socket.socket, over: threading.Event) -> None:
        connection.recv(65_536)
        connection.sendall(beginning)
        while not over.is_set():
            connection.sendall(b" " * 65_536)

    return behave

"""A gateway between one fleet and Conductor: records its traffic and injects faults of updates.

Every request is passed on unchanged but for its Host header. A connection of the fleet has one
connection to the server.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from trackproof.testbed.conductor.http_messages import (
    HEAD_BYTES,
    Message,
    read_answer,
    read_request,
)
from trackproof.testbed.conductor.rest import is_near_host
from trackproof.testbed.conductor.starts import ERROR, PAGE, Starts, is_start
from trackproof.testbed.conductor.traffic import Traffic, UpdateFault, is_poll, is_update
from trackproof.testbed.loop_server import LoopServer

HOLD_POLL_SECONDS: Final = 0.02
NO_TASK: Final = frozenset({b"", b"[]"})
"""Bodies of the answer to a poll that gets no task."""
JSON_HEADERS: Final = (("content-type", "application/json"),)
REFUSAL = (
    "HTTP/1.1 503 Service Unavailable",
    JSON_HEADERS,
    b'{"status":503,"message":"injected fault: the update is refused","retryable":true}',
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

Broken = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError)


class ConductorGateway:
    """A running gateway."""

    def __init__(self, api_url: str) -> None:
        """Start nothing yet; `api_url` is the server's, over plain HTTP."""
        target = urlsplit(api_url)
        self.traffic = Traffic()
        self.starts = Starts()
        self._host, self._target_port = target.hostname or "", target.port or 80
        self._netloc = target.netloc
        self._prefix = target.path.rstrip("/")
        self._server = LoopServer(
            self._serve, what="the gateway between fleet and Conductor", limit=HEAD_BYTES
        )

    @property
    def api_url(self) -> str:
        """URL for the fleet, with the path of the server's."""
        return f"http://127.0.0.1:{self._server.port}{self._prefix}"

    def start(self) -> None:
        """Start listening on a free port.

        Raises:
            TestbedError: The port cannot be opened.
        """
        self._server.start()

    def stop(self) -> None:
        """Close all connections and stop."""
        self.traffic.clear_faults()
        self.starts.release()
        self._server.stop()

    def refuse(self) -> None:
        """Cut all connections and refuse new ones, as if the server were gone, until `accept`."""
        self._server.refuse()

    def accept(self) -> None:
        """Accept connections again, at the same URL."""
        self._server.accept()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _ServerConnection(self._host, self._target_port)
        try:
            with suppress(*Broken):
                while (request := await read_request(reader, writer)) is not None:
                    answer = await self._answer(request, connection)
                    if answer is None:
                        _reset(writer)
                        return
                    writer.write(answer.encoded())
                    await writer.drain()
                    if answer.ends_connection or "close" in answer.header("connection").lower():
                        return
        except asyncio.CancelledError:
            pass  # the gateway stops; asyncio would report a cancelled handler as an error
        finally:
            connection.close()
            writer.close()

    async def _answer(self, request: Message, connection: _ServerConnection) -> Message | None:
        """Return the answer to a request; None to reset the connection."""
        if self.traffic.is_cut:
            self.traffic.record_cut()
            return None
        method, target, *_ = request.start.split(" ")
        path = target.partition("?")[0].removeprefix(self._prefix)
        request = replace(request, headers=tuple(self._headers(request)))
        asked_at = time.time()
        if is_poll(path):
            self.traffic.record_poll()
            answer = await connection.ask(request, method)
            self.traffic.record_answer(answer.body, asked_at)
            if answer.body in NO_TASK and (again := self.traffic.second_delivery(path)):
                return Message("HTTP/1.1 200 OK", JSON_HEADERS, again)
            return answer
        if is_update(method, path):
            fault = self.traffic.record_update(path, request.body)
            answer_or_none = await _update_answer(request, method, connection, fault)
            if answer_or_none is not None:
                self.traffic.record_answer(answer_or_none.body, asked_at)
            return answer_or_none
        if is_start(method, path):
            return await self._start_answer(request, method, connection)
        return await connection.ask(request, method)

    async def _start_answer(
        self, request: Message, method: str, connection: _ServerConnection
    ) -> Message | None:
        fault = self.starts.fault_of(request.body)
        failure = fault.failure if fault else ""
        if fault is not None and failure == "hang":
            while not fault.released.is_set():
                await asyncio.sleep(HOLD_POLL_SECONDS)
        if failure in {"", "lost"}:
            answer = await connection.ask(request, method)
        else:
            answer = Message(*(PAGE if failure == "page" else ERROR))
        self.starts.record(request.body, answer.status, answer.body)
        return None if failure in {"lost", "hang"} else answer

    def _headers(self, request: Message) -> Iterator[tuple[str, str]]:
        """Yield the request's headers for the server, without an offer to speak HTTP/2."""
        for name, value in request.headers:
            if name == "host":
                yield name, self._netloc
            elif name == "connection" and "upgrade" in value.lower():
                yield name, "keep-alive"
            elif name not in {"upgrade", "http2-settings"}:
                yield name, value


async def _update_answer(
    request: Message, method: str, connection: _ServerConnection, fault: UpdateFault | None
) -> Message | None:
    if fault is None:
        return await connection.ask(request, method)
    if fault.failure == "hold":
        while not fault.released.is_set():
            await asyncio.sleep(HOLD_POLL_SECONDS)
        return None if fault.discarded else await connection.ask(request, method)
    if fault.carried_out:
        await connection.ask(request, method)
    if fault.failure == "reset":
        return None
    return Message(*REFUSAL)


class _ServerConnection:
    """A connection to the server, opened again when the server has closed it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: Streams | None = None

    async def ask(self, request: Message, method: str) -> Message:
        """Send a request and return its answer.

        A kept connection may have been closed by the server meanwhile: then a new one is tried.
        """
        if self._streams is not None:
            try:
                return await self._exchange(self._streams, request, method)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                self.close()
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise
        self._streams = await asyncio.open_connection(self._host, self._port, limit=HEAD_BYTES)
        return await self._exchange(self._streams, request, method)

    async def _exchange(self, streams: Streams, request: Message, method: str) -> Message:
        reader, writer = streams
        writer.write(request.encoded())
        await writer.drain()
        answer = await read_answer(reader, method)
        if answer.ends_connection or "close" in answer.header("connection").lower():
            self.close()
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection with a TCP reset instead of an orderly end."""
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def is_near(api_url: str) -> bool:
    """Return whether a server answers plain HTTP on this machine or a private network."""
    url = urlsplit(api_url)
    return url.scheme == "http" and is_near_host(url.hostname or "")


@contextmanager
def start_gateway(api_url: str) -> Iterator[ConductorGateway]:
    """Run a gateway to a server until the block ends.

    Raises:
        TestbedError: The gateway could not start.
    """
    gateway = ConductorGateway(api_url)
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()

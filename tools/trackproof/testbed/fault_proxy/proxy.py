"""A TCP proxy whose faults are switched while connections are open. It knows no protocol."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from trackproof.testbed.fault_proxy.connection_fault import LOSES_ANSWERS, ConnectionFault
from trackproof.testbed.loop_server import LoopServer
from trackproof.testbed.stoppable import Stoppable

CHUNK_BYTES: Final = 65_536
POLL_SECONDS: Final = 0.02
"""Between two looks whether a fault has been lifted."""
LIMIT_SECONDS: Final = 0.1
"""Share of a second that one piece of a limited connection takes."""


@dataclass(slots=True)
class _Switched:
    """A fault from its switching on to its lifting."""

    fault: ConnectionFault
    left: int | None
    met: int = 0
    lost_answers: int = 0
    lifted: bool = False


@dataclass(slots=True, eq=False)
class _Connection:
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    met: _Switched | None = None
    answered: int = 0
    """Bytes of answers since the fault began."""
    counted: bool = False
    """Whether the loss of its answer is counted."""

    @property
    def fault(self) -> ConnectionFault | None:
        """The fault that applies now."""
        return None if self.met is None or self.met.lifted else self.met.fault


class FaultProxy(Stoppable):
    """A running proxy to one server."""

    def __init__(self, host: str, port: int, *, name: str) -> None:
        """Start nothing yet; `name` is the server's in errors, such as `s3`."""
        self.name = name
        self._host, self._target_port = host, port
        self._server = LoopServer(self._serve, what=f"the fault proxy of {name}", limit=CHUNK_BYTES)
        self._switched: _Switched | None = None

    @property
    def port(self) -> int:
        """Port on loopback."""
        return self._server.port

    @property
    def met(self) -> int:
        """Number of connections that met the current or latest fault."""
        return self._switched.met if self._switched else 0

    @property
    def lost_answers(self) -> int:
        """Number of connections with requests that were passed on and answers that were not."""
        return self._switched.lost_answers if self._switched else 0

    def start(self) -> None:
        """Start listening on a free port.

        Raises:
            TestbedError: The port cannot be opened.
        """
        self._server.start()

    def stop(self) -> None:
        """Close all connections and stop."""
        self._server.stop()

    def apply(self, fault: ConnectionFault) -> None:
        """Switch a fault on in place of the current one."""
        self.lift()
        self._switched = _Switched(fault, fault.connections)
        if fault.kind == "refuse" and fault.connections is None:
            self._server.refuse_new()

    def lift(self) -> None:
        """Switch the fault off; bytes that wait for it pass."""
        if self._switched is not None and not self._switched.lifted:
            self._switched.lifted = True
            self._server.accept()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = None
        try:
            with suppress(OSError):
                server = await asyncio.open_connection(
                    self._host, self._target_port, limit=CHUNK_BYTES
                )
                connection = _Connection((reader, writer), server)
                await _either(self._pass_requests(connection), _pass_answers(connection))
        except asyncio.CancelledError:
            pass  # the proxy stops; asyncio would report a cancelled handler as an error
        finally:
            if connection is not None:
                connection.server[1].close()
            writer.close()

    async def _pass_requests(self, connection: _Connection) -> None:
        reader, writer = connection.client[0], connection.server[1]
        while data := await reader.read(CHUNK_BYTES):
            self._meet(connection)
            fault = connection.fault
            if fault is not None and fault.kind in {"refuse", "reset"}:
                _reset(connection)
                return
            if fault is not None and fault.kind == "hang":
                await _until_lifted(connection)
                if reader.at_eof():
                    return  # the client has given up: nobody waits for the answer
            if connection.met and fault and fault.kind in LOSES_ANSWERS and not connection.counted:
                connection.counted = True
                connection.met.lost_answers += 1
            await _write(writer, data, fault)

    def _meet(self, connection: _Connection) -> None:
        """Let a connection without a fault meet the one that is on."""
        switched = self._switched
        if switched is None or switched.lifted or connection.fault is not None:
            return
        if switched.left is not None:
            if switched.left <= 0:
                return
            switched.left -= 1
        switched.met += 1
        connection.met, connection.answered, connection.counted = switched, 0, False


async def _pass_answers(connection: _Connection) -> None:
    reader, writer = connection.server[0], connection.client[1]
    while data := await reader.read(CHUNK_BYTES):
        fault = connection.fault
        if fault is None:
            await _write(writer, data)
            continue
        unharmed = data[: max(0, fault.after_bytes - connection.answered)]
        connection.answered += len(data)
        if fault.kind == "hang":
            await _until_lifted(connection)
        elif fault.kind == "cut":
            if len(unharmed) < len(data):
                await _write(writer, unharmed)
                return
        elif fault.kind == "corrupt":
            data = unharmed + b"\xff" * (len(data) - len(unharmed))
        elif fault.kind == "drip":
            await _drip(connection, data)
            continue
        await _write(writer, data, fault)


async def _write(
    writer: asyncio.StreamWriter, data: bytes, fault: ConnectionFault | None = None
) -> None:
    limited = fault is not None and fault.kind == "limit"
    step = max(1, round(fault.bytes_per_second * LIMIT_SECONDS)) if fault and limited else len(data)
    for first in range(0, len(data), step or 1):
        writer.write(data[first : first + step])
        await writer.drain()
        if limited:
            await asyncio.sleep(LIMIT_SECONDS)


async def _drip(connection: _Connection, data: bytes) -> None:
    writer = connection.client[1]
    for first in range(len(data)):
        fault = connection.fault
        if fault is None:
            await _write(writer, data[first:])
            return
        await _write(writer, data[first : first + 1])
        await asyncio.sleep(fault.pause)


async def _until_lifted(connection: _Connection) -> None:
    while connection.fault is not None:
        await asyncio.sleep(POLL_SECONDS)


async def _either(*both: Awaitable[None]) -> None:
    tasks = {asyncio.ensure_future(one) for one in both}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(connection: _Connection) -> None:
    """Close the client's connection with a TCP reset instead of an orderly end."""
    writer = connection.client[1]
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

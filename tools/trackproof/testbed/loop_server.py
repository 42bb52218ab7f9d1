"""A TCP server on loopback whose connections an event loop serves in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from trackproof.errors import TestbedError

START_SECONDS: Final = 10.0

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class LoopServer:
    """A server on a free port."""

    def __init__(self, serve: Serve, *, what: str, limit: int) -> None:
        """Start nothing yet.

        Args:
            serve: Serves one connection; cancelled when the server stops.
            what: The server in an error: `the intercept proxy`.
            limit: Bytes of the longest line or head that a connection may send.
        """
        self.port = 0
        self._serve = serve
        self._what = what
        self._limit = limit
        self._ready = threading.Event()
        self._end: Callable[[], object] = lambda: None
        self._open: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), name=what, daemon=True
        )

    def start(self) -> None:
        """Start listening.

        Raises:
            TestbedError: The port cannot be opened.
        """
        self._thread.start()
        if not self._ready.wait(START_SECONDS) or not self.port:
            raise TestbedError(f"{self._what} did not start")

    def stop(self) -> None:
        """Close all connections and stop."""
        self._end()
        self._thread.join(START_SECONDS)

    def refuse(self) -> None:
        """Cut all connections and refuse new ones, until `accept`; the port stays reserved."""
        self._call(self._close())

    def refuse_new(self) -> None:
        """Refuse new connections until `accept`; open ones stay."""
        self._call(self._stop_listening())

    def accept(self) -> None:
        """Listen again, on the same port."""
        self._call(self._listen())

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS)

    async def _run(self) -> None:
        self._loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop = self._loop
        self._end = lambda: loop.call_soon_threadsafe(ended.set)
        with _reserved_port() as reserved:
            try:
                self.port = reserved.getsockname()[1]
                await self._listen()
            except OSError:
                self.port = 0
                raise
            finally:
                self._ready.set()
            await ended.wait()
            await self._close()

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, limit=self._limit, reuse_port=True
            )

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._stop_listening()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        await self._serve(reader, writer)


def _reserved_port() -> socket.socket:
    """Return a socket with a free port that listens never: the port stays ours while refused."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved

"""One subscriber's WebSocket: what is sent has to be read in time, and it ends with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import time

from fastapi import WebSocket, WebSocketDisconnect

CUT_OFF = "cut_off"
"""An ASGI extension of our own server: end a connection whose far side does not read."""
CLOSE_SECONDS = 1.0


class CloseWebSocket(Exception):  # noqa: N818 - not every end is an error
    """The end of a subscription, with what the subscriber is told."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep the close code and the reason (at most 123 bytes)."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class WebSocketSender:
    """Sends to one subscriber; safe to share among the tasks that serve him."""

    def __init__(self, socket: WebSocket, *, timeout: float) -> None:
        """Wait `timeout` seconds for the subscriber to make room for a message."""
        self._socket = socket
        self._timeout = timeout
        self._turn = asyncio.Lock()
        self._sent_at = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since something was sent."""
        return time.monotonic() - self._sent_at

    async def send(self, text: str) -> None:
        """Send a message; return when the next one may come.

        Raises:
            CloseWebSocket: The subscriber does not read.
            WebSocketDisconnect: He is gone.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._socket.send_text(text)
            except TimeoutError:
                raise CloseWebSocket(
                    4008, f"nothing was read for {self._timeout:g} s: come back with your last id"
                ) from None
            self._sent_at = time.monotonic()

    async def close(self, closing: CloseWebSocket) -> None:
        """Say why, and end the connection, whatever the far side does."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(closing.code, closing.reason)
        except TimeoutError:
            # What he was sent still fills the connection. Without our extension it is up to
            # the server, and to TCP, when he is given up.
            cut_off = self._socket.scope.get("extensions", {}).get(CUT_OFF)
            if cut_off is not None:
                cut_off["call"](closing.code, closing.reason)
        except (WebSocketDisconnect, RuntimeError):
            return  # he was quicker


async def wait_first(*jobs: asyncio.Task[None]) -> None:
    """Wait until one of several tasks ends, end the others, and raise what it raised."""
    try:
        done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    for job in done:
        with contextlib.suppress(asyncio.CancelledError):
            job.result()

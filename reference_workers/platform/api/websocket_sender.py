"""Send to one subscriber's WebSocket with a time limit, and close it with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import time

from fastapi import WebSocket, WebSocketDisconnect

CUT_OFF = "cut_off"
"""ASGI extension of `server.CutOffProtocol`: closes a connection whose peer does not read."""
CLOSE_SECONDS = 1.0


class CloseWebSocket(Exception):  # noqa: N818 - closing is not always an error
    """Ends a subscription with a close code and a reason for the subscriber."""

    def __init__(self, code: int, reason: str) -> None:
        """`reason` has at most 123 bytes."""
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class WebSocketSender:
    """Sends to one subscriber; safe for concurrent tasks."""

    def __init__(self, socket: WebSocket, *, timeout: float) -> None:
        """`timeout`: seconds to wait for the subscriber to read."""
        self._socket = socket
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._sent_at = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds since the last message."""
        return time.monotonic() - self._sent_at

    async def send(self, text: str) -> None:
        """Send a message; return when there is room for the next one.

        Raises:
            CloseWebSocket: The subscriber does not read.
            WebSocketDisconnect: The subscriber is gone.
        """
        async with self._lock:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._socket.send_text(text)
            except TimeoutError:
                raise CloseWebSocket(
                    4008, f"nothing was read for {self._timeout:g} s: reconnect with your last id"
                ) from None
            self._sent_at = time.monotonic()

    async def close(self, closing: CloseWebSocket) -> None:
        """Close the connection with the reason, even if the subscriber does not read."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(closing.code, closing.reason)
        except TimeoutError:
            # Unread data blocks the close frame. On a server without the extension the
            # connection ends when the server or TCP gives up.
            cut_off = self._socket.scope.get("extensions", {}).get(CUT_OFF)
            if cut_off is not None:
                cut_off["call"](closing.code, closing.reason)
        except (WebSocketDisconnect, RuntimeError):
            return  # already closed by the subscriber


async def wait_first(*jobs: asyncio.Task[None]) -> None:
    """Wait for the first task to end, cancel the others and raise its exception."""
    try:
        done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
    for job in done:
        with contextlib.suppress(asyncio.CancelledError):
            job.result()

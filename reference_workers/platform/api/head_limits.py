"""Limits on connections whose request's head is not complete.

uvicorn waits for a head without a limit: a thousand half-sent requests use up the process's file
handles. Here the head has a deadline, and when too many wait, the oldest one is closed, so that a
caller who sends its head at once is always served.
"""

from __future__ import annotations

import asyncio
import resource
from contextlib import suppress
from typing import Any, ClassVar, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 5.0
"""Time from the connection, or the first byte of a further request, to the end of its head."""

HEAD_MAX_BYTES: Final = 32_768

MAX_WAITING: Final = 256
"""Connections whose head is not complete."""

BACKLOG: Final = 512
"""Connections that are accepted at once; with MAX_WAITING below the usual 1,024 file handles."""

_FILE_HANDLES: Final = 65_536


class HeadLimitedProtocol(H11Protocol):
    """uvicorn's HTTP protocol with a deadline for each head, and a limit of waiting connections."""

    waiting: ClassVar[dict[HeadLimitedProtocol, asyncio.TimerHandle]] = {}
    """Connections whose head is not complete, the oldest first, with their deadlines."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the deadline of the first head."""
        super().connection_made(transport)
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the deadline."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start or stop the deadline as the head is incomplete or complete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self.conn.trailing_data[0] and self not in self.waiting:
            self._start_waiting()

    def _start_waiting(self) -> None:
        if len(self.waiting) >= MAX_WAITING:
            next(iter(self.waiting)).give_up()
        self.waiting[self] = self.loop.call_later(HEAD_SECONDS, self.give_up)

    def _stop_waiting(self) -> None:
        if deadline := self.waiting.pop(self, None):
            deadline.cancel()

    def give_up(self) -> None:
        """Close the connection without an answer."""
        self._stop_waiting()
        self.transport.abort()


def with_few_waiting() -> type[HeadLimitedProtocol]:
    """Return the protocol with connections of its own: those of one server."""
    members: dict[str, Any] = {"waiting": {}}
    return type("ServerProtocol", (HeadLimitedProtocol,), members)


def raise_file_limit() -> None:
    """Allow this process as many open files as the system permits, at most 65,536."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILE_HANDLES if hard == resource.RLIM_INFINITY else min(_FILE_HANDLES, hard)
    if soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))

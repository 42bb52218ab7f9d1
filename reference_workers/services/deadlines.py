"""A time limit for a whole request: connection, headers and body.

httpx limits each single read, so a server that sends one byte every few seconds holds a thread
for ever.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the requests of the block `seconds` after its start with `httpx.ReadTimeout`."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def check_time() -> None:
    """Raise `httpx.ReadTimeout` when the time of the current block is over."""
    deadline = _deadline.get()
    if deadline is not None and time.monotonic() >= deadline:
        raise httpx.ReadTimeout("the time limit of the whole request is over")


class DeadlineTransport(httpx.HTTPTransport):
    """An HTTP transport whose every network operation ends with the time limit."""

    def __init__(self, verify: ssl.SSLContext, backend: NetworkBackend | None = None) -> None:
        """Open a connection pool with the TLS context `verify`."""
        super().__init__(verify=verify)
        # httpx has no parameter for the network backend of its pool.
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify, network_backend=backend or NetworkBackend(), max_connections=100
        )


class NetworkBackend(httpcore.SyncBackend):
    """Opens connections whose every operation ends with the time limit."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect within the shorter of `timeout` and the time that is left."""
        limit = _remaining(timeout, httpcore.ConnectTimeout)
        return _Stream(super().connect_tcp(host, port, limit, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _remaining(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limit = _remaining(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _remaining(timeout: float | None, error: type[Exception]) -> float | None:
    """Return the shorter of `timeout` and the time that is left."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise error("the time limit of the whole request is over")
    return left if timeout is None else min(timeout, left)

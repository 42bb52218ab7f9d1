"""Costs of one task: requests, bytes, audio and tokens.

Clients add to the meter of the current context; without one they count nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx


@dataclass(slots=True)
class Call:
    """One request to an outside service."""

    service: str
    """Host, or `s3`; never a path or query, which may contain a secret."""
    action: str
    started_at: float
    """Epoch seconds."""
    seconds: float = 0.0
    status: int | None = None
    """HTTP status; None without a response, or where the client does not expose it."""
    bytes_in: int = 0
    bytes_out: int = 0

    def record_response(self, response: httpx.Response) -> None:
        """Record a response whose body has been read."""
        self.status = response.status_code
        self.bytes_out = int(response.request.headers.get("Content-Length", 0))
        self.bytes_in = response.num_bytes_downloaded


@dataclass(slots=True)
class Meter:
    """Costs of one task so far."""

    calls: list[Call] = field(default_factory=list)
    cache_hits: int = 0
    audio_bytes: int = 0
    audio_seconds: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def bytes_in(self) -> int:
        """Bytes received, audio included."""
        return self.audio_bytes + sum(call.bytes_in for call in self.calls)

    @property
    def bytes_out(self) -> int:
        """Bytes sent."""
        return sum(call.bytes_out for call in self.calls)


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def measure() -> Iterator[Meter]:
    """Collect the costs of the block."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


@contextmanager
def record_call(service: str, action: str) -> Iterator[Call]:
    """Record one request, whether or not it succeeds; the block fills in its details."""
    request = Call(service, action, started_at=time.time())
    if (meter := _meter.get()) is not None:
        meter.calls.append(request)
    start = time.perf_counter()
    try:
        yield request
    finally:
        request.seconds = time.perf_counter() - start


def record_cache_hit() -> None:
    """Count an answer that came from the cache."""
    if (meter := _meter.get()) is not None:
        meter.cache_hits += 1


def add_audio_seconds(seconds: float) -> None:
    """Count decoded audio."""
    if (meter := _meter.get()) is not None:
        meter.audio_seconds += seconds


def add_audio_bytes(count: int) -> None:
    """Count bytes of audio read."""
    if (meter := _meter.get()) is not None:
        meter.audio_bytes += count


def add_token_usage(usage: object) -> None:
    """Count `prompt_tokens` and `completion_tokens` of an LLM response's `usage`, if valid."""
    if (meter := _meter.get()) is None or not isinstance(usage, dict):
        return
    meter.prompt_tokens += _count(usage.get("prompt_tokens"))
    meter.completion_tokens += _count(usage.get("completion_tokens"))


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0

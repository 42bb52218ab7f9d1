"""Three transports for a request to a stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from trackproof.testbed.stand_ins import StandIns

Transport = Literal["served", "in process", "in process, async"]
TRANSPORTS: tuple[Transport, ...] = ("served", "in process", "in process, async")


@dataclass(frozen=True)
class Caller:
    """Calls the services of one set over one transport."""

    urls: dict[str, str]
    transport: Transport

    def call(self, service: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and return the response."""
        url = self.urls[service] + path
        if self.transport == "in process, async":
            return asyncio.run(_async_call(method, url, options))
        with httpx.Client() as client:
            return client.request(method, url, **options)


async def _async_call(method: str, url: str, options: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, url, **options)


@contextmanager
def caller_of(stand_ins: StandIns, transport: Transport) -> Iterator[Caller]:
    """Open the stand-ins for a transport."""
    if transport == "served":
        with stand_ins.serve() as served:
            yield Caller(dict(served.urls), transport)
    else:
        with stand_ins.in_process() as inside:
            yield Caller(dict(inside.urls), transport)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}

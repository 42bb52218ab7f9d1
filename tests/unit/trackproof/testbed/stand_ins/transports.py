"""One way to call a stand-in, three ways for the call to travel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from trackproof.testbed.stand_ins import StandIns

Way = Literal["served", "in process", "in process, async"]
WAYS: tuple[Way, ...] = ("served", "in process", "in process, async")


@dataclass(frozen=True)
class Caller:
    """Calls the services of one set, always the same way."""

    urls: dict[str, str]
    way: Way

    def call(self, service: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request and return the answer."""
        url = self.urls[service] + path
        if self.way == "in process, async":
            return asyncio.run(_async_call(method, url, options))
        with httpx.Client() as client:
            return client.request(method, url, **options)


async def _async_call(method: str, url: str, options: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.request(method, url, **options)


@contextmanager
def reach(stand_ins: StandIns, way: Way) -> Iterator[Caller]:
    """Make the set reachable, and return who can call it."""
    if way == "served":
        with stand_ins.serve() as served:
            yield Caller(dict(served.urls), way)
    else:
        with stand_ins.in_process() as inside:
            yield Caller(dict(inside.urls), way)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}

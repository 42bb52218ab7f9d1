"""Follow a transcript over a real WebSocket, as a program outside does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.integration.api.api_process import SECONDS, ServedApi
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID

Json = dict[str, Any]


@asynccontextmanager
async def following(
    api: ServedApi, query: str = "", *, transcript_id: str = TRANSCRIPT_ID, **options: Any
) -> AsyncIterator[ClientConnection]:
    """Connect to a transcript's WebSocket."""
    url = f"{api.ws_url}/ws/transcripts/{transcript_id}{query}"
    async with connect(url, proxy=None, **options) as socket:
        yield socket


async def heard(socket: ClientConnection, count: int) -> list[Json]:
    """Return the next events."""
    async with asyncio.timeout(SECONDS):
        return [json.loads(await socket.recv()) for _ in range(count)]


async def closing(socket: ClientConnection) -> tuple[int, str]:
    """Return close code and reason, whatever comes before."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionClosed) as closed:
            await _listen_for_ever(socket)
    said = closed.value.rcvd
    assert said is not None, "the connection was cut without a word"
    return said.code, said.reason


def names(events: list[Json]) -> list[str]:
    """Return what the events are called."""
    return [event["event"] for event in events]


async def _listen_for_ever(socket: ClientConnection) -> None:
    while True:
        await socket.recv()

"""A WebSocket client that subscribes to a transcript."""

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


async def receive(socket: ClientConnection, count: int) -> list[Json]:
    """Return the next `count` events."""
    async with asyncio.timeout(SECONDS):
        return [json.loads(await socket.recv()) for _ in range(count)]


async def closing(socket: ClientConnection) -> tuple[int, str]:
    """Return close code and reason, skipping messages."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ConnectionClosed) as closed:
            await _receive_until_closed(socket)
    frame = closed.value.rcvd
    assert frame is not None, "the connection was cut without a close frame"
    return frame.code, frame.reason


def names(events: list[Json]) -> list[str]:
    """Return the events' names."""
    return [event["event"] for event in events]


async def _receive_until_closed(socket: ClientConnection) -> None:
    while True:
        await socket.recv()

"""Writers and readers of one transcript's events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from threading import Thread

import redis

from reference_workers.platform.state.messages import Message, read_undelivered
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.subscriptions import Subscriptions
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID

ROOM = f"ts:{TRANSCRIPT_ID}"
TIMEOUT = 20
"""Seconds."""


def write(state: State, first: int, last: int) -> None:
    """Emit events numbered from `first` to `last`."""
    for number in range(first, last + 1):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.emit("TOPIC", {"number": number})


def numbers(messages: list[Message]) -> list[int]:
    return [message.data["number"] for message in messages]


def all_published(state: State) -> bool:
    return not read_undelivered(state, limit=1)


async def receive(
    subscriptions: Subscriptions, count: int, last_id: str | None = None
) -> list[Message]:
    """Return the next `count` events."""
    received: list[Message] = []
    async with (
        asyncio.timeout(TIMEOUT),
        aclosing(subscriptions.events_after(TRANSCRIPT_ID, last_id)) as events,
    ):
        async for message in events:
            received.append(message)
            if len(received) == count:
                break
    return received


@asynccontextmanager
async def receiving(
    subscriptions: Subscriptions, count: int
) -> AsyncIterator[asyncio.Task[list[Message]]]:
    """Receive events in a task that is subscribed when the block starts."""
    task = asyncio.create_task(receive(subscriptions, count))
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()


class ChannelRecorder:
    """Records the messages of a Redis channel on a thread."""

    def __init__(self, url: str) -> None:
        self.messages: list[Message] = []
        self._client: redis.Redis = redis.Redis.from_url(url)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(ROOM)
        self._ended = False
        self._thread = Thread(target=self._record)
        self._thread.start()

    def _record(self) -> None:
        while not self._ended:
            reply = self._pubsub.get_message(timeout=0.05)
            if reply is not None:
                self.messages.append(Message.from_json(reply["data"]))

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._pubsub.close()
        self._client.close()

"""Subscriptions to a transcript's past and future events, without gaps or repeats.

A subscriber's state is the seq of its last event. The next events come from the transcript's
newest events, which all its subscribers share, or page by page from the database if the
subscriber lags behind. No events are queued for a subscriber, so a slow one costs no memory.

One task polls the database for the new events of all transcripts in one query: after each commit
of this process, and every 50 ms. With Redis it polls once a second, since Redis delivers events
as they happen; the database is the source of truth. Without an answer from Redis it falls back to
polling every 50 ms until Redis is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import redis.asyncio
import structlog
from redis.exceptions import RedisError
from sqlalchemy import select

from reference_workers.platform.state.messages import Message, read_after, room_of, seq_of
from reference_workers.platform.state.models import Transcript
from reference_workers.platform.state.repository import State

POLL_SECONDS = 0.05
REDIS_POLL_SECONDS = 1.0
"""Pause between two polls of the database while Redis delivers."""
RETRY_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 5.0
CANCEL_SECONDS = 0.5
"""Pause before a task is cancelled again: the Redis client may swallow a cancellation."""
PAGE = 500
KEPT_EVENTS = 1000
"""Number of newest events kept in memory for a transcript."""

log = structlog.get_logger()


class Feed:
    """The newest events of one transcript, shared by its subscribers."""

    def __init__(self) -> None:
        """Create an empty feed."""
        self.subscribers = 0
        self.head: int | None = None
        """The seq of the newest known event; None before the first poll."""
        self.changed = asyncio.Event()
        """Set, and replaced by a new one, when there are new events."""
        self._newest: list[Message] = []

    def after(self, seq: int) -> list[Message] | None:
        """Return the events after `seq`; None if they must be read from the database."""
        if self.head is None:
            return None
        if seq >= self.head:
            return []
        if not self._newest or seq + 1 < self._newest[0].seq:
            return None
        first = seq + 1 - self._newest[0].seq
        return self._newest[first : first + PAGE]

    def starts_at(self, head: int) -> None:
        """Set the head at the first poll."""
        self.head = head
        self.wake()

    def append(self, messages: list[Message]) -> None:
        """Add the events that follow the newest one."""
        self._newest += messages
        if len(self._newest) > 2 * KEPT_EVENTS:
            del self._newest[:-KEPT_EVENTS]
        self.head = messages[-1].seq
        self.wake()

    def wake(self) -> None:
        """Wake all waiting subscribers."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Subscriptions:
    """All subscriptions of one process; create it with `open`."""

    def __init__(self, state: State, redis_url: str | None) -> None:
        """Use `open` instead, which also starts the background tasks."""
        self._state = state
        self._feeds: dict[str, Feed] = {}
        self._wake = asyncio.Event()
        self._closed = False
        self._redis = (
            redis.asyncio.Redis.from_url(redis_url, socket_connect_timeout=REDIS_TIMEOUT_SECONDS)
            if redis_url
            else None
        )
        self._pubsub: redis.asyncio.client.PubSub | None = None
        """None while Redis is not connected."""
        self._channels: set[str] = set()
        """Subscribed Redis channels."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, state: State, redis_url: str | None = None) -> AsyncIterator[Subscriptions]:
        """Serve subscribers until the block ends, which also ends their iterations."""
        subscriptions = cls(state, redis_url)
        loop = asyncio.get_running_loop()

        def wake(_: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(subscriptions._wake.set)

        with state.commit_listener(wake):
            tasks = [asyncio.create_task(subscriptions._poll())]
            if subscriptions._redis is not None:
                tasks.append(asyncio.create_task(subscriptions._listen(subscriptions._redis)))
            try:
                yield subscriptions
            finally:
                await subscriptions._close(tasks)

    async def events_after(
        self, transcript_id: str, last_id: str | None = None
    ) -> AsyncGenerator[Message, None]:
        """Yield a transcript's events forever; close with `contextlib.aclosing`.

        Args:
            transcript_id: The transcript; it need not exist yet.
            last_id: Id of the last received event; None or an unknown id starts from the first.

        Raises:
            TransientError: The database does not answer; resume with the last id.
        """
        seen = 0
        if last_id is not None:
            seen = await asyncio.to_thread(seq_of, self._state, transcript_id, last_id)
        with self._subscribed(transcript_id) as feed:
            while not self._closed:
                changed = feed.changed
                messages = feed.after(seen)
                if messages is None:
                    messages = await self._read(transcript_id, seen)
                for message in messages:
                    yield message
                    seen = message.seq
                if not messages:
                    await changed.wait()

    @contextlib.contextmanager
    def _subscribed(self, transcript_id: str) -> Iterator[Feed]:
        feed = self._feeds.setdefault(transcript_id, Feed())
        feed.subscribers += 1
        self._wake.set()
        try:
            yield feed
        finally:
            feed.subscribers -= 1
            if not feed.subscribers:
                self._feeds.pop(transcript_id, None)
                self._wake.set()

    async def _read(self, transcript_id: str, seq: int) -> list[Message]:
        return await asyncio.to_thread(read_after, self._state, transcript_id, seq, limit=PAGE)

    async def _poll(self) -> None:
        """Poll the database until closed."""
        failing = False
        while not self._closed:
            pause = REDIS_POLL_SECONDS if self._pubsub else POLL_SECONDS
            try:
                async with asyncio.timeout(pause):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            await self._update_channels()
            try:
                await self._refresh()
                failing = False
            except Exception as error:  # keep polling after any error
                if not failing:
                    log.warning("polling the database failed", cause=repr(error))
                failing = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _refresh(self) -> None:
        feeds = dict(self._feeds)
        if not feeds:
            return
        heads = await asyncio.to_thread(_heads, self._state, list(feeds))
        for transcript_id, feed in feeds.items():
            head = heads.get(transcript_id, 0)
            if feed.head is None:
                feed.starts_at(head)
            while feed.head is not None and feed.head < head:
                known = feed.head
                messages = await self._read(transcript_id, known)
                if feed.head != known:
                    continue  # Redis delivered it meanwhile
                if not messages:
                    break
                feed.append(messages)

    async def _listen(self, server: redis.asyncio.Redis) -> None:
        """Receive messages from Redis until closed; reconnect after errors."""
        failing = False
        while not self._closed:
            try:
                async with server.pubsub() as pubsub:
                    await pubsub.subscribe(room_of(""))  # unused, keeps the connection
                    self._channels = set()
                    self._pubsub = pubsub
                    self._wake.set()
                    if failing:
                        log.info("reconnected to Redis")
                    failing = False
                    async for reply in pubsub.listen():
                        self._handle(reply)
            except Exception as error:  # poll the database meanwhile
                if not failing:
                    log.warning("no connection to Redis; polling the database", cause=repr(error))
                failing = True
            finally:
                self._pubsub = None
                self._wake.set()
            await asyncio.sleep(RETRY_SECONDS)

    def _handle(self, reply: dict[str, object]) -> None:
        data = reply["data"]
        if reply["type"] != "message" or not isinstance(data, bytes):
            self._wake.set()  # newly subscribed: read earlier events
            return
        try:
            message = Message.from_json(data)
        except ValueError as error:
            log.warning("invalid message from Redis", cause=str(error))
            return
        feed = self._feeds.get(message.room.removeprefix(room_of("")))
        if feed is None or (feed.head is not None and message.seq <= feed.head):
            return
        if feed.head is None or message.seq > feed.head + 1:
            self._wake.set()  # a gap: read it from the database
            return
        feed.append([message])

    async def _update_channels(self) -> None:
        """Subscribe to exactly the channels of the current feeds."""
        pubsub, wanted = self._pubsub, {room_of(transcript_id) for transcript_id in self._feeds}
        if pubsub is None or wanted == self._channels:
            return
        try:
            if new := wanted - self._channels:
                await pubsub.subscribe(*new)
            if old := self._channels - wanted:
                await pubsub.unsubscribe(*old)
        except (RedisError, OSError):
            return  # `_listen` reconnects
        self._channels = wanted

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        self._closed = True
        self._wake.set()
        while any(not task.done() for task in tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
        for feed in self._feeds.values():
            feed.wake()
        if self._redis is not None:
            await self._redis.aclose()


def _heads(state: State, transcript_ids: list[str]) -> dict[str, int]:
    query = select(Transcript.id, Transcript.last_seq).where(Transcript.id.in_(transcript_ids))
    with state.read_session() as session:
        return {row.id: row.last_seq for row in session.execute(query)}

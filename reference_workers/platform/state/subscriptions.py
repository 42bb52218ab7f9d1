"""Follow a transcript's events: first what was, then what comes, without a gap or a repeat.

A subscriber is a number: that of the last event it was given. What comes after it is read from
the newest events, which are kept once for all subscribers of a transcript, or page by page from
the database where it lags behind them. Nothing is queued for anybody, so that a slow subscriber
costs others nothing.

One task asks the database what is new: for all transcripts in one question, at once when this
process has written, else every 50 ms. With Redis it asks only once a second, since events come
by themselves: Redis makes it quick, the database makes it right. Without an answer from Redis
it is as if there were none, until it is back.
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
"""Between two questions to the database while Redis delivers."""
RETRY_SECONDS = 1.0
REDIS_TIMEOUT_SECONDS = 5.0
CANCEL_SECONDS = 0.5
"""Until a task that goes on is cancelled again: Redis's client may swallow it."""
PAGE = 500
KEPT_EVENTS = 1000
"""How many events of a transcript are kept for its subscribers."""

log = structlog.get_logger()


class Feed:
    """The newest events of one transcript, and who waits for more."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.subscribers = 0
        self.head: int | None = None
        """Number of the newest event that is known; None before the first look."""
        self.changed = asyncio.Event()
        """Set, and replaced by another, when there is something new."""
        self._newest: list[Message] = []

    def after(self, seq: int) -> list[Message] | None:
        """Return what follows a number; None if only the database knows."""
        if self.head is None:
            return None
        if seq >= self.head:
            return []
        if not self._newest or seq + 1 < self._newest[0].seq:
            return None
        first = seq + 1 - self._newest[0].seq
        return self._newest[first : first + PAGE]

    def starts_at(self, head: int) -> None:
        """Know up to where the database went at the first look."""
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
        """Let everybody look again."""
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()


class Subscriptions:
    """All subscriptions of one process; open one with `opened` and share it."""

    def __init__(self, state: State, redis_url: str | None) -> None:
        """Prepare; `opened` sets it going."""
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
        """Only while Redis delivers."""
        self._channels: set[str] = set()
        """What Redis has been asked for."""

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, state: State, redis_url: str | None = None) -> AsyncIterator[Subscriptions]:
        """Serve subscribers until the block ends; then all their iterations end too."""
        subscriptions = cls(state, redis_url)
        loop = asyncio.get_running_loop()

        def wake(_: str) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
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
        """Yield a transcript's events after one, for ever; close it with `contextlib.aclosing`.

        Args:
            transcript_id: Which transcript; one that is not there yet has no events yet.
            last_id: Id of the last event seen. From the beginning if it is None or not known.

        Raises:
            TransientError: The database does not answer; come back with the last id.
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
        """Ask the database what is new, until closed."""
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
            except Exception as error:  # whatever it is, nobody is to wait for ever
                if not failing:
                    log.warning("subscribers wait for the database", cause=repr(error))
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
                    continue  # Redis was quicker
                if not messages:
                    break
                feed.append(messages)

    async def _listen(self, server: redis.asyncio.Redis) -> None:
        """Take what Redis delivers, until closed; connect again whenever it is gone."""
        failing = False
        while not self._closed:
            try:
                async with server.pubsub() as pubsub:
                    await pubsub.subscribe(room_of(""))  # of nobody: it keeps the connection
                    self._channels = set()
                    self._pubsub = pubsub
                    self._wake.set()
                    if failing:
                        log.info("Redis delivers again")
                    failing = False
                    async for reply in pubsub.listen():
                        self._handle(reply)
            except Exception as error:  # whatever it is, the database is asked meanwhile
                if not failing:
                    log.warning("Redis does not deliver; the database is asked", cause=repr(error))
                failing = True
            finally:
                self._pubsub = None
                self._wake.set()
            await asyncio.sleep(RETRY_SECONDS)

    def _handle(self, reply: dict[str, object]) -> None:
        data = reply["data"]
        if reply["type"] != "message" or not isinstance(data, bytes):
            self._wake.set()  # a room is ours from now on: see what came before
            return
        try:
            message = Message.from_json(data)
        except ValueError as error:
            log.warning("Redis delivered what is no event", cause=str(error))
            return
        feed = self._feeds.get(message.room.removeprefix(room_of("")))
        if feed is None or (feed.head is not None and message.seq <= feed.head):
            return
        if feed.head is None or message.seq > feed.head + 1:
            self._wake.set()  # something is missing: the database has it
            return
        feed.append([message])

    async def _update_channels(self) -> None:
        """Have Redis deliver what is subscribed to, and nothing else."""
        pubsub, wanted = self._pubsub, {room_of(transcript_id) for transcript_id in self._feeds}
        if pubsub is None or wanted == self._channels:
            return
        try:
            if new := wanted - self._channels:
                await pubsub.subscribe(*new)
            if old := self._channels - wanted:
                await pubsub.unsubscribe(*old)
        except (RedisError, OSError):
            return  # whoever listens will notice, and connect again
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

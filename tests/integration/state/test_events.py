"""From the outbox to whoever watches: in order, at least once, and each subscriber exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    ExitStack,
    aclosing,
    asynccontextmanager,
    closing,
    nullcontext,
    suppress,
)
from threading import Thread
from typing import Any

import pytest
import redis
from redis.asyncio.client import PubSub
from sqlalchemy import delete

from reference_workers.errors import TransientError
from reference_workers.platform.seed import seed
from reference_workers.platform.state import leases, outbox_publisher
from reference_workers.platform.state import subscriptions as subscriptions_module
from reference_workers.platform.state.messages import Message, read_after, read_undelivered
from reference_workers.platform.state.models import Event
from reference_workers.platform.state.outbox_publisher import Publisher
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.subscriptions import Subscriptions
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, meeting_rows
from trackproof.errors import TestbedError
from trackproof.testbed.redis import RedisServer, start_redis
from trackproof.wait import wait_until

ROOM = f"ts:{TRANSCRIPT_ID}"
SECONDS = 20


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start_redis())
        except TestbedError as error:
            pytest.skip(f"{error.what}. Hint: {error.hint}")
        yield server


def write(state: State, first: int, last: int) -> None:
    """Write events with the numbers from `first` to `last`."""
    for number in range(first, last + 1):
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.emit("TOPIC", {"number": number})


def numbers(messages: list[Message]) -> list[int]:
    return [message.data["number"] for message in messages]


def delivered(state: State) -> bool:
    return not read_undelivered(state, limit=1)


async def take(
    subscriptions: Subscriptions, count: int, last_id: str | None = None
) -> list[Message]:
    """Return the next so many events."""
    taken: list[Message] = []
    async with (
        asyncio.timeout(SECONDS),
        aclosing(subscriptions.events_after(TRANSCRIPT_ID, last_id)) as events,
    ):
        async for message in events:
            taken.append(message)
            if len(taken) == count:
                break
    return taken


@asynccontextmanager
async def taking(
    subscriptions: Subscriptions, count: int
) -> AsyncIterator[asyncio.Task[list[Message]]]:
    """Have a subscriber wait for so many events, and be there before the block begins."""
    task = asyncio.create_task(take(subscriptions, count))
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()


class Heard:
    """Whatever Redis sends to one room, heard on a thread."""

    def __init__(self, url: str) -> None:
        self.messages: list[Message] = []
        self._client: redis.Redis = redis.Redis.from_url(url)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(ROOM)
        self._ended = False
        self._thread = Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        while not self._ended:
            told = self._pubsub.get_message(timeout=0.05)
            if told is not None:
                self.messages.append(Message.from_json(told["data"]))

    def close(self) -> None:
        self._ended = True
        self._thread.join()
        self._pubsub.close()
        self._client.close()


def test_a_message_has_the_documented_shape(state: State) -> None:
    write(state, 1, 1)

    (message,) = read_after(state, TRANSCRIPT_ID, 0, limit=5)

    assert json.loads(message.text) == {
        "id": message.id,
        "seq": 1,
        "event": "TOPIC",
        "data": {"number": 1},
        "room": ROOM,
    }
    assert Message.from_json(message.text) == message
    for nonsense in ("", "[]", '{"id": 1}', "null"):
        with pytest.raises(ValueError, match=r"."):
            Message.from_json(nonsense)


def test_events_are_published_in_order(state: State, redis_server: RedisServer) -> None:
    write(state, 1, 5)
    with closing(Heard(redis_server.url)) as heard, Publisher(state, redis_server.url).running():
        write(state, 6, 20)
        wait_until(lambda: len(heard.messages) >= 20, what="20 events", timeout=SECONDS)

    assert numbers(heard.messages) == list(range(1, 21))
    assert [message.seq for message in heard.messages] == list(range(1, 21))
    assert delivered(state)


def test_events_of_other_processes_are_published(state: State, redis_server: RedisServer) -> None:
    url = state.engine.url.render_as_string(hide_password=False)
    with (
        closing(Heard(redis_server.url)) as heard,
        Publisher(state, redis_server.url).running(),
        closing(State(url)) as other,
    ):
        write(other, 1, 1)
        wait_until(lambda: heard.messages, what="the event", timeout=SECONDS)


def test_events_are_published_in_order_after_a_redis_outage(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.outbox_publisher.RETRY_SECONDS", 0.2)
    redis_server.stop()
    with Publisher(state, redis_server.url).running():
        write(state, 1, 3)
        assert not delivered(state)
        redis_server.start()
        with closing(Heard(redis_server.url)) as heard:
            wait_until(lambda: delivered(state), what="all to be published", timeout=SECONDS)
            write(state, 4, 4)
            wait_until(
                lambda: heard.messages and heard.messages[-1].seq == 4,
                what="the last event",
                timeout=SECONDS,
            )

    assert numbers(heard.messages) == list(range(5 - len(heard.messages), 5))


def test_unmarked_events_are_published_again(state: State, redis_server: RedisServer) -> None:
    write(state, 1, 2)
    with closing(Heard(redis_server.url)) as heard:
        Publisher(state, redis_server.url).publish_batch()  # killed before it can mark
        with Publisher(state, redis_server.url).running():
            wait_until(lambda: len(heard.messages) >= 4, what="both twice", timeout=SECONDS)

    assert numbers(heard.messages) == [1, 2, 1, 2]
    assert delivered(state)


def test_a_publisher_does_not_repeat_unmarked_events(
    state: State, redis_server: RedisServer
) -> None:
    publisher = Publisher(state, redis_server.url)
    with closing(Heard(redis_server.url)) as heard:
        for number in (1, 2):
            write(state, number, number)
            assert publisher.publish_batch() == 1
        assert publisher.publish_batch() == 0
        publisher.mark()
        assert delivered(state)
        write(state, 3, 3)
        assert publisher.publish_batch() == 1
        wait_until(lambda: len(heard.messages) >= 3, what="three events", timeout=SECONDS)

    assert numbers(heard.messages) == [1, 2, 3]


def test_one_publisher_is_active_and_another_takes_over(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.outbox_publisher.RETRY_SECONDS", 0.05)
    with closing(Heard(redis_server.url)) as heard, Publisher(state, redis_server.url).running():
        with Publisher(state, redis_server.url).running():
            write(state, 1, 30)
            wait_until(lambda: len(heard.messages) >= 30, what="30 events", timeout=SECONDS)
        write(state, 31, 40)
        wait_until(lambda: len(heard.messages) >= 40, what="10 more", timeout=SECONDS)

    assert numbers(heard.messages) == list(range(1, 41))


def test_a_lease_has_one_owner_until_it_expires_or_is_released(state: State) -> None:
    assert leases.acquire(state, "x", "ada", seconds=60)
    assert leases.acquire(state, "x", "ada", seconds=60)
    assert not leases.acquire(state, "x", "bob", seconds=60)
    assert leases.acquire(state, "y", "bob", seconds=60)
    leases.release(state, "x", "bob")
    assert not leases.acquire(state, "x", "bob", seconds=60)
    leases.release(state, "x", "ada")
    assert leases.acquire(state, "x", "bob", seconds=-1)
    assert leases.acquire(state, "x", "ada", seconds=60)


@pytest.mark.parametrize("delivered_by", ["database", "redis"])
async def test_a_subscriber_gets_past_and_future_events(
    delivered_by: str, state: State, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server").url if delivered_by == "redis" else None
    write(state, 1, 700)
    with Publisher(state, url).running() if url else nullcontext():
        async with Subscriptions.open(state, url) as subscriptions:
            writing = asyncio.create_task(asyncio.to_thread(write, state, 701, 760))
            late = [asyncio.create_task(take(subscriptions, 760)) for _ in range(3)]
            taken = await asyncio.gather(*late)
            await writing

    assert [numbers(messages) for messages in taken] == [list(range(1, 761))] * 3


@pytest.mark.parametrize("delivered_by", ["database", "redis"])
async def test_a_subscription_resumes_after_the_last_id(
    delivered_by: str, state: State, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server").url if delivered_by == "redis" else None
    async with Subscriptions.open(state, url) as subscriptions:
        await asyncio.to_thread(write, state, 1, 10)
        first = await take(subscriptions, 4)
        await asyncio.to_thread(write, state, 11, 12)
        rest = await take(subscriptions, 8, first[-1].id)
        again = await take(subscriptions, 12, "an id from nowhere")

    assert numbers(first + rest) == numbers(again) == list(range(1, 13))


async def test_deleted_events_do_not_hide_others(state: State) -> None:
    write(state, 1, 10)
    gone = read_after(state, TRANSCRIPT_ID, 0, limit=4)
    with state.write_session() as session:
        session.execute(delete(Event).where(Event.id.in_([message.id for message in gone])))

    async with Subscriptions.open(state) as subscriptions:
        writing = asyncio.create_task(asyncio.to_thread(write, state, 11, 12))
        taken = await take(subscriptions, 8), await take(subscriptions, 8, gone[1].id)
        await writing

    assert [numbers(messages) for messages in taken] == [list(range(5, 13))] * 2


async def test_events_of_other_processes_reach_subscribers(
    state: State,
) -> None:
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other:
        async with Subscriptions.open(state) as subscriptions, taking(subscriptions, 2) as task:
            await asyncio.to_thread(write, other, 1, 2)
            assert numbers(await task) == [1, 2]


async def test_subscribers_survive_a_redis_restart(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.outbox_publisher.RETRY_SECONDS", 0.1)
    monkeypatch.setattr("reference_workers.platform.state.subscriptions.RETRY_SECONDS", 0.1)
    with Publisher(state, redis_server.url).running():
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            taking(subscriptions, 30) as task,
        ):
            await asyncio.to_thread(write, state, 1, 10)
            await asyncio.to_thread(redis_server.stop)
            await asyncio.to_thread(write, state, 11, 20)
            await asyncio.to_thread(redis_server.start)
            await asyncio.to_thread(write, state, 21, 30)
            taken = await task

    assert numbers(taken) == list(range(1, 31))


async def test_closing_survives_a_swallowed_cancellation(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listens = asyncio.Event()

    async def deaf_once(_: PubSub) -> AsyncIterator[dict[str, object]]:
        listens.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        yield {}

    monkeypatch.setattr(PubSub, "listen", deaf_once)
    async with asyncio.timeout(20), Subscriptions.open(state, redis_server.url):
        await listens.wait()


async def test_redis_delivers_without_polling_the_database(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The database is asked once when a subscriber comes, and then not again for ever.
    monkeypatch.setattr("reference_workers.platform.state.subscriptions.REDIS_POLL_SECONDS", 3600)
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other, Publisher(other, redis_server.url).running():
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            taking(subscriptions, 5) as task,
        ):
            await asyncio.to_thread(write, other, 1, 5)
            assert numbers(await task) == [1, 2, 3, 4, 5]


async def test_a_lost_message_is_read_from_the_database(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.subscriptions.REDIS_POLL_SECONDS", 0.2)
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other:  # and nobody publishes
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            taking(subscriptions, 3) as task,
        ):
            await asyncio.to_thread(write, other, 1, 3)
            assert numbers(await task) == [1, 2, 3]


async def test_subscriptions_survive_database_errors(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions_module, "RETRY_SECONDS", 0.05)
    troubles = [RuntimeError("nobody expected that"), TransientError("database: gone")]
    heads = subscriptions_module._heads

    def troubled(*arguments: Any) -> dict[str, int]:
        if troubles:
            raise troubles.pop()
        return heads(*arguments)

    async with Subscriptions.open(state) as subscriptions, taking(subscriptions, 2) as task:
        monkeypatch.setattr(subscriptions_module, "_heads", troubled)
        await asyncio.to_thread(write, state, 1, 2)
        assert numbers(await task) == [1, 2]

    assert troubles == []


def test_publishing_survives_database_errors(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_publisher, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(outbox_publisher, "MARK_SECONDS", 0.05)
    troubles = [RuntimeError("nobody expected that"), TransientError("database: gone")]

    def troubled(publisher: Publisher) -> None:
        if troubles:
            raise troubles.pop()
        mark(publisher)

    mark = Publisher.mark
    monkeypatch.setattr(Publisher, "mark", troubled)
    with Publisher(state, redis_server.url).running():
        write(state, 1, 2)
        wait_until(lambda: delivered(state), what="all to be marked", timeout=SECONDS)

    assert troubles == []


async def test_invalid_and_repeated_messages_are_ignored(
    state: State, redis_server: RedisServer
) -> None:
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            taking(subscriptions, 4) as task,
        ):
            await asyncio.to_thread(write, state, 1, 2)
            for text in (
                "rubbish",
                "[]",
                *(m.text for m in read_after(state, TRANSCRIPT_ID, 0, limit=2)),
            ):
                await asyncio.to_thread(client.publish, ROOM, text)
            await asyncio.to_thread(write, state, 3, 4)
            assert numbers(await task) == [1, 2, 3, 4]


async def test_a_slow_subscriber_gets_all_events_without_a_queue(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions_module, "KEPT_EVENTS", 10)
    monkeypatch.setattr(subscriptions_module, "PAGE", 7)
    async with (
        Subscriptions.open(state) as subscriptions,
        aclosing(subscriptions.events_after(TRANSCRIPT_ID)) as events,
    ):
        await asyncio.to_thread(write, state, 1, 1)
        slow = [await anext(events)]
        await asyncio.to_thread(write, state, 2, 60)
        assert numbers(await take(subscriptions, 60)) == list(range(1, 61))
        (topic,) = subscriptions._feeds.values()
        assert len(topic._newest) <= 2 * 10 + 7
        while len(slow) < 60:
            slow.append(await anext(events))

    assert numbers(slow) == list(range(1, 61))


async def test_a_feed_ends_with_its_last_subscriber(state: State) -> None:
    async with Subscriptions.open(state) as subscriptions:
        write(state, 1, 1)
        await take(subscriptions, 1)

        assert subscriptions._feeds == {}


async def test_closing_ends_waiting_subscribers(state: State) -> None:
    async def all_of(subscriptions: Subscriptions) -> list[Message]:
        return [message async for message in subscriptions.events_after(TRANSCRIPT_ID)]

    async with Subscriptions.open(state) as subscriptions:
        waiting = asyncio.create_task(all_of(subscriptions))
        write(state, 1, 1)
        await take(subscriptions, 1)

    async with asyncio.timeout(SECONDS):
        assert numbers(await waiting) == [1]


async def test_a_subscription_may_precede_its_transcript(
    empty_state: State,
) -> None:
    empty_state.migrate()
    async with Subscriptions.open(empty_state) as subscriptions, taking(subscriptions, 1) as task:
        await asyncio.to_thread(seed, empty_state, meeting_rows())
        await asyncio.to_thread(write, empty_state, 1, 1)
        assert numbers(await task) == [1]

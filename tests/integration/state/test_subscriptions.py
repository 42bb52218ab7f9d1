"""Subscriptions: each event exactly once and in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, closing, nullcontext, suppress
from typing import Any

import pytest
import redis
from redis.asyncio.client import PubSub
from sqlalchemy import delete

from reference_workers.errors import TransientError
from reference_workers.platform.seed import seed
from reference_workers.platform.state import subscriptions as subscriptions_module
from reference_workers.platform.state.messages import Message, read_after
from reference_workers.platform.state.models import Event
from reference_workers.platform.state.outbox_publisher import Publisher
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.subscriptions import Subscriptions
from tests.integration.state.event_streams import (
    ROOM,
    TIMEOUT,
    numbers,
    receive,
    receiving,
    write,
)
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, meeting_rows
from trackproof.testbed.redis import RedisServer


@pytest.mark.parametrize("delivered_by", ["database", "redis"])
async def test_a_subscriber_gets_past_and_future_events(
    delivered_by: str, state: State, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server").url if delivered_by == "redis" else None
    write(state, 1, 700)
    with Publisher(state, url).running() if url else nullcontext():
        async with Subscriptions.open(state, url) as subscriptions:
            writing = asyncio.create_task(asyncio.to_thread(write, state, 701, 760))
            late = [asyncio.create_task(receive(subscriptions, 760)) for _ in range(3)]
            received = await asyncio.gather(*late)
            await writing

    assert [numbers(messages) for messages in received] == [list(range(1, 761))] * 3


@pytest.mark.parametrize("delivered_by", ["database", "redis"])
async def test_a_subscription_resumes_after_the_last_id(
    delivered_by: str, state: State, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("redis_server").url if delivered_by == "redis" else None
    async with Subscriptions.open(state, url) as subscriptions:
        await asyncio.to_thread(write, state, 1, 10)
        first = await receive(subscriptions, 4)
        await asyncio.to_thread(write, state, 11, 12)
        rest = await receive(subscriptions, 8, first[-1].id)
        again = await receive(subscriptions, 12, "an id from nowhere")

    assert numbers(first + rest) == numbers(again) == list(range(1, 13))


async def test_deleted_events_do_not_hide_others(state: State) -> None:
    write(state, 1, 10)
    gone = read_after(state, TRANSCRIPT_ID, 0, limit=4)
    with state.write_session() as session:
        session.execute(delete(Event).where(Event.id.in_([message.id for message in gone])))

    async with Subscriptions.open(state) as subscriptions:
        writing = asyncio.create_task(asyncio.to_thread(write, state, 11, 12))
        received = await receive(subscriptions, 8), await receive(subscriptions, 8, gone[1].id)
        await writing

    assert [numbers(messages) for messages in received] == [list(range(5, 13))] * 2


async def test_events_of_other_processes_reach_subscribers(
    state: State,
) -> None:
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other:
        async with Subscriptions.open(state) as subscriptions, receiving(subscriptions, 2) as task:
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
            receiving(subscriptions, 30) as task,
        ):
            await asyncio.to_thread(write, state, 1, 10)
            await asyncio.to_thread(redis_server.stop)
            await asyncio.to_thread(write, state, 11, 20)
            await asyncio.to_thread(redis_server.start)
            await asyncio.to_thread(write, state, 21, 30)
            received = await task

    assert numbers(received) == list(range(1, 31))


async def test_closing_survives_a_swallowed_cancellation(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    listens = asyncio.Event()

    async def never_listening(_: PubSub) -> AsyncIterator[dict[str, object]]:
        listens.set()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        yield {}

    monkeypatch.setattr(PubSub, "listen", never_listening)
    async with asyncio.timeout(20), Subscriptions.open(state, redis_server.url):
        await listens.wait()


async def test_redis_delivers_without_polling_the_database(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The database is polled once for a new subscriber and then not again.
    monkeypatch.setattr("reference_workers.platform.state.subscriptions.REDIS_POLL_SECONDS", 3600)
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other, Publisher(other, redis_server.url).running():
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            receiving(subscriptions, 5) as task,
        ):
            await asyncio.to_thread(write, other, 1, 5)
            assert numbers(await task) == [1, 2, 3, 4, 5]


async def test_a_lost_message_is_read_from_the_database(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.subscriptions.REDIS_POLL_SECONDS", 0.2)
    url = state.engine.url.render_as_string(hide_password=False)
    with closing(State(url)) as other:  # without a publisher
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            receiving(subscriptions, 3) as task,
        ):
            await asyncio.to_thread(write, other, 1, 3)
            assert numbers(await task) == [1, 2, 3]


async def test_subscriptions_survive_database_errors(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions_module, "RETRY_SECONDS", 0.05)
    errors = [RuntimeError("unexpected"), TransientError("database: gone")]
    heads = subscriptions_module._heads

    def failing(*arguments: Any) -> dict[str, int]:
        if errors:
            raise errors.pop()
        return heads(*arguments)

    async with Subscriptions.open(state) as subscriptions, receiving(subscriptions, 2) as task:
        monkeypatch.setattr(subscriptions_module, "_heads", failing)
        await asyncio.to_thread(write, state, 1, 2)
        assert numbers(await task) == [1, 2]

    assert errors == []


async def test_invalid_and_repeated_messages_are_ignored(
    state: State, redis_server: RedisServer
) -> None:
    with closing(redis.Redis.from_url(redis_server.url)) as client:
        async with (
            Subscriptions.open(state, redis_server.url) as subscriptions,
            receiving(subscriptions, 4) as task,
        ):
            await asyncio.to_thread(write, state, 1, 2)
            for text in (
                "invalid",
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
        assert numbers(await receive(subscriptions, 60)) == list(range(1, 61))
        (feed,) = subscriptions._feeds.values()
        assert len(feed._newest) <= 2 * 10 + 7
        while len(slow) < 60:
            slow.append(await anext(events))

    assert numbers(slow) == list(range(1, 61))


async def test_a_feed_ends_with_its_last_subscriber(state: State) -> None:
    async with Subscriptions.open(state) as subscriptions:
        write(state, 1, 1)
        await receive(subscriptions, 1)

        assert subscriptions._feeds == {}


async def test_closing_ends_waiting_subscribers(state: State) -> None:
    async def all_of(subscriptions: Subscriptions) -> list[Message]:
        return [message async for message in subscriptions.events_after(TRANSCRIPT_ID)]

    async with Subscriptions.open(state) as subscriptions:
        waiting = asyncio.create_task(all_of(subscriptions))
        write(state, 1, 1)
        await receive(subscriptions, 1)

    async with asyncio.timeout(TIMEOUT):
        assert numbers(await waiting) == [1]


async def test_a_subscription_may_precede_its_transcript(
    empty_state: State,
) -> None:
    empty_state.migrate()
    async with (
        Subscriptions.open(empty_state) as subscriptions,
        receiving(subscriptions, 1) as task,
    ):
        await asyncio.to_thread(seed, empty_state, meeting_rows())
        await asyncio.to_thread(write, empty_state, 1, 1)
        assert numbers(await task) == [1]

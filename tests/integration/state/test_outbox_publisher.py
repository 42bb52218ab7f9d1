"""Publishing from the outbox to Redis: in order, at least once."""

from __future__ import annotations

from contextlib import closing

import pytest

from reference_workers.errors import TransientError
from reference_workers.platform.state import outbox_publisher
from reference_workers.platform.state.outbox_publisher import Publisher
from reference_workers.platform.state.repository import State
from tests.integration.state.event_streams import (
    TIMEOUT,
    ChannelRecorder,
    all_published,
    numbers,
    write,
)
from trackproof.testbed.redis import RedisServer
from trackproof.wait import wait_until


def test_events_are_published_in_order(state: State, redis_server: RedisServer) -> None:
    write(state, 1, 5)
    with (
        closing(ChannelRecorder(redis_server.url)) as recorder,
        Publisher(state, redis_server.url).running(),
    ):
        write(state, 6, 20)
        wait_until(lambda: len(recorder.messages) >= 20, what="20 events", timeout=TIMEOUT)

    assert numbers(recorder.messages) == list(range(1, 21))
    assert [message.seq for message in recorder.messages] == list(range(1, 21))
    assert all_published(state)


def test_events_of_other_processes_are_published(state: State, redis_server: RedisServer) -> None:
    url = state.engine.url.render_as_string(hide_password=False)
    with (
        closing(ChannelRecorder(redis_server.url)) as recorder,
        Publisher(state, redis_server.url).running(),
        closing(State(url)) as other,
    ):
        write(other, 1, 1)
        wait_until(lambda: recorder.messages, what="the event", timeout=TIMEOUT)


def test_events_are_published_in_order_after_a_redis_outage(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.outbox_publisher.RETRY_SECONDS", 0.2)
    redis_server.stop()
    with Publisher(state, redis_server.url).running():
        write(state, 1, 3)
        assert not all_published(state)
        redis_server.start()
        with closing(ChannelRecorder(redis_server.url)) as recorder:
            wait_until(lambda: all_published(state), what="all to be published", timeout=TIMEOUT)
            write(state, 4, 4)
            wait_until(
                lambda: recorder.messages and recorder.messages[-1].seq == 4,
                what="the last event",
                timeout=TIMEOUT,
            )

    assert numbers(recorder.messages) == list(range(5 - len(recorder.messages), 5))


def test_unmarked_events_are_published_again(state: State, redis_server: RedisServer) -> None:
    write(state, 1, 2)
    with closing(ChannelRecorder(redis_server.url)) as recorder:
        Publisher(state, redis_server.url).publish_batch()  # stopped before marking
        with Publisher(state, redis_server.url).running():
            wait_until(lambda: len(recorder.messages) >= 4, what="both twice", timeout=TIMEOUT)

    assert numbers(recorder.messages) == [1, 2, 1, 2]
    assert all_published(state)


def test_a_publisher_does_not_repeat_unmarked_events(
    state: State, redis_server: RedisServer
) -> None:
    publisher = Publisher(state, redis_server.url)
    with closing(ChannelRecorder(redis_server.url)) as recorder:
        for number in (1, 2):
            write(state, number, number)
            assert publisher.publish_batch() == 1
        assert publisher.publish_batch() == 0
        publisher.mark()
        assert all_published(state)
        write(state, 3, 3)
        assert publisher.publish_batch() == 1
        wait_until(lambda: len(recorder.messages) >= 3, what="three events", timeout=TIMEOUT)

    assert numbers(recorder.messages) == [1, 2, 3]


def test_one_publisher_is_active_and_another_takes_over(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_workers.platform.state.outbox_publisher.RETRY_SECONDS", 0.05)
    with (
        closing(ChannelRecorder(redis_server.url)) as recorder,
        Publisher(state, redis_server.url).running(),
    ):
        with Publisher(state, redis_server.url).running():
            write(state, 1, 30)
            wait_until(lambda: len(recorder.messages) >= 30, what="30 events", timeout=TIMEOUT)
        write(state, 31, 40)
        wait_until(lambda: len(recorder.messages) >= 40, what="10 more", timeout=TIMEOUT)

    assert numbers(recorder.messages) == list(range(1, 41))


def test_publishing_survives_database_errors(
    state: State, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_publisher, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(outbox_publisher, "MARK_SECONDS", 0.05)
    errors = [RuntimeError("unexpected"), TransientError("database: gone")]

    def failing(publisher: Publisher) -> None:
        if errors:
            raise errors.pop()
        mark(publisher)

    mark = Publisher.mark
    monkeypatch.setattr(Publisher, "mark", failing)
    with Publisher(state, redis_server.url).running():
        write(state, 1, 2)
        wait_until(lambda: all_published(state), what="all to be marked", timeout=TIMEOUT)

    assert errors == []

"""Events pushed over Redis and WebSockets are recorded completely."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import redis
from websockets.sync.server import ServerConnection, serve

from trackproof.errors import FleetError, TestbedError
from trackproof.fleet.push_events import RedisEvents, WebSocketEvents
from trackproof.lab import free_port
from trackproof.testbed.redis import start_redis

EVENTS = [("TOPIC", {"title": "a"}), ("STATUS", {"value": "ended"})]


def message(event: str, data: Any) -> str:
    return json.dumps({"event": event, "data": data})


@pytest.fixture
def redis_url() -> Iterator[str]:
    try:
        with start_redis(free_port()) as server:
            yield server.url
    except TestbedError as error:
        pytest.skip(f"{error.what}. Hint: {error.hint}")


def test_redis_events_published_before_the_call_are_returned(redis_url: str) -> None:
    source = RedisEvents(redis_url, "live:{transcript_id}", 0)
    with closing(source), closing(redis.Redis.from_url(redis_url)) as fleet:
        for event, data in EVENTS:
            fleet.publish("live:t-1", message(event, data))
            fleet.publish("live:t-2", message("OTHER", {}))
            fleet.publish("other:t-1", message("OTHER", {}))
        fleet.publish("live:t-1", "no JSON")

        assert source.events("t-1") == [*EVENTS, ("(unreadable)", "no JSON")]
        assert source.events("t-3") == []


def test_unreachable_redis_is_an_error() -> None:
    with pytest.raises(FleetError, match="cannot be read from Redis"):
        RedisEvents(f"redis://127.0.0.1:{free_port()}", "live:{transcript_id}", 0)


def test_websocket_events_sent_before_the_call_are_returned() -> None:
    def send_all(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path == "/t%2F1"
        for event, data in EVENTS * 20:
            socket.send(message(event, data))
        for _ in socket:
            pass

    with serve(send_all, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.socket.getsockname()[1]
        source = WebSocketEvents(f"ws://127.0.0.1:{port}/{{transcript_id}}", 0.5)
        with closing(source):
            source.watch("t/1")

            assert source.events("t/1") == EVENTS * 20


def test_unreachable_websocket_is_an_error() -> None:
    source = WebSocketEvents(f"ws://127.0.0.1:{free_port()}/{{transcript_id}}", 0)

    with pytest.raises(FleetError, match="cannot be read from ws://") as caught:
        source.watch("t-1")

    assert "events_websocket" in caught.value.hint

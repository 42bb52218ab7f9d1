from __future__ import annotations

import signal
from contextlib import closing

import pytest
import redis

from trackproof.errors import TestbedError
from trackproof.lab import free_port
from trackproof.testbed.redis import RedisServer, start_redis
from trackproof.wait import wait_until


def is_reachable(server: RedisServer) -> bool:
    with closing(redis.Redis.from_url(server.url)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def test_server_restarts_and_leaves_nothing() -> None:
    try:
        with start_redis() as server:
            states = [is_reachable(server)]
            server.stop()
            states.append(is_reachable(server))
            server.start()
            states.append(is_reachable(server))
    except TestbedError as error:
        pytest.skip(f"{error.what}. Hint: {error.hint}")

    assert states == [True, False, True]
    assert not is_reachable(server)
    assert not server.folder.exists()


def test_a_killed_server_starts_again_at_its_address() -> None:
    try:
        with start_redis(free_port()) as server:
            assert server.process is not None
            server.process.send_signal(signal.SIGKILL)
            wait_until(lambda: not is_reachable(server), what="the death of Redis", timeout=5)
            url = server.url
            server.restart()
            assert (server.url, is_reachable(server)) == (url, True)
    except TestbedError as error:
        pytest.skip(f"{error.what}. Hint: {error.hint}")


def test_missing_program_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(TestbedError, match="there is no redis-server") as caught, start_redis():
        pass

    assert "apt-get install redis-server" in caught.value.hint

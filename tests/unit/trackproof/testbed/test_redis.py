from __future__ import annotations

from contextlib import closing

import pytest
import redis

from trackproof.errors import TestbedError
from trackproof.testbed.redis import RedisServer, start_redis


def reached(server: RedisServer) -> bool:
    with closing(redis.Redis.from_url(server.url)) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


def test_a_server_can_be_taken_away_and_given_back_and_leaves_nothing() -> None:
    try:
        with start_redis() as server:
            seen = [reached(server)]
            server.stop()
            seen.append(reached(server))
            server.start()
            seen.append(reached(server))
    except TestbedError as error:
        pytest.skip(f"{error.what}. Hint: {error.hint}")

    assert seen == [True, False, True]
    assert not reached(server)
    assert not server.folder.exists()


def test_without_the_program_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(TestbedError, match="there is no redis-server") as caught, start_redis():
        pass

    assert "apt-get install redis-server" in caught.value.hint

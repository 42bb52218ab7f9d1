"""State on SQLite and on PostgreSQL, and a Redis server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from tests.unit.reference_workers.worker_harness import meeting_rows
from trackproof.errors import TestbedError
from trackproof.testbed.redis import RedisServer, start_redis


@pytest.fixture
def empty_state(each_database_url: str) -> Iterator[State]:
    """A database without tables."""
    with closing(State(each_database_url)) as state:
        yield state


@pytest.fixture
def state(empty_state: State) -> State:
    """A database with one meeting."""
    empty_state.migrate()
    seed(empty_state, meeting_rows(granted={"p-ada": True}))
    return empty_state


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start_redis())
        except TestbedError as error:
            pytest.skip(f"{error.what}. Hint: {error.hint}")
        yield server

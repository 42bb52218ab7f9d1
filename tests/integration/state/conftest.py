"""State on each kind of database: every test here runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from tests.unit.reference_workers.worker_harness import meeting_rows


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

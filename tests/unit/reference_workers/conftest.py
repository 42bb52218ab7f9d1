"""The harness that workers are put to: every outside service there, and none of them far away."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url

from reference_workers.audio import media_input
from reference_workers.context import Clients, Context
from reference_workers.platform import log
from reference_workers.platform.seed import seed
from reference_workers.platform.state.cache import Cache
from reference_workers.platform.state.repository import State
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPTS,
    WorkerHarness,
    meeting_rows,
    settings,
    stand_ins,
)
from trackproof.testbed.s3.server import S3Server


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Take back what a command sets up for its process."""
    levels = {name: logging.getLogger(name).level for name in log.SIGNERS}
    yield
    structlog.reset_defaults()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with S3Server([RECORDINGS, TRANSCRIPTS]) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    s3_server.reset()
    return s3_server


@pytest.fixture(scope="session")
def opened_clients(
    s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clients]:
    """Clients to borrow from: opening theirs takes a test longer than using them."""
    with Clients.open(settings(s3_server, tmp_path_factory.mktemp("unused"))) as clients:
        yield clients


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database as `migrate` leaves it: a copy is made faster than another."""
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    with closing(State(f"sqlite:///{path}")) as state:
        state.migrate()
    return path


@pytest.fixture
def empty_bench(
    opened_clients: Clients, s3: S3Server, tmp_path: Path, database_url: str, migrated: Path
) -> Iterator[WorkerHarness]:
    """A harness with an empty database."""
    own = settings(s3, tmp_path, database_url=database_url)
    services = stand_ins()
    place = make_url(database_url)
    is_copy = place.get_backend_name() == "sqlite"
    if is_copy:
        shutil.copyfile(migrated, str(place.database))
    with services.in_process(), closing(State(own.database_url)) as state:
        if not is_copy:
            state.migrate()
        cache = Cache(
            state, max_bytes=own.cache_max_bytes, max_age_seconds=own.cache_max_age_seconds
        )
        clients = replace(opened_clients, settings=own, state=state, cache=cache)
        yield WorkerHarness(clients, services, s3, tmp_path)


@pytest.fixture
def harness(empty_bench: WorkerHarness) -> WorkerHarness:
    """A harness with one meeting, nobody asked for consent."""
    seed(empty_bench.clients.state, meeting_rows())
    return empty_bench


@pytest.fixture
def context(harness: WorkerHarness) -> Context:
    return harness.context


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let libav give up on a server at once, not after half a minute."""
    monkeypatch.setitem(media_input._REMOTE, "reconnect_delay_max", "0")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a silent server half a second, not twenty."""
    monkeypatch.setitem(media_input._REMOTE, "rw_timeout", "500000")

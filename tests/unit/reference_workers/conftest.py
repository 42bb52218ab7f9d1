"""Fixtures: clients and a harness with stand-ins, a local S3 server and a database."""

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
    """Restore the logging configuration that a command changes."""
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
    """Clients shared by all tests: opening them is slow."""
    with Clients.open(settings(s3_server, tmp_path_factory.mktemp("unused"))) as clients:
        yield clients


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy, which is faster than migrating."""
    path = tmp_path_factory.mktemp("migrated") / "state.db"
    with closing(State(f"sqlite:///{path}")) as state:
        state.migrate()
    return path


@pytest.fixture
def empty_harness(
    opened_clients: Clients, s3: S3Server, tmp_path: Path, database_url: str, migrated: Path
) -> Iterator[WorkerHarness]:
    """A harness with an empty database."""
    own = settings(s3, tmp_path, database_url=database_url)
    services = stand_ins()
    url = make_url(database_url)
    is_copy = url.get_backend_name() == "sqlite"
    if is_copy:
        shutil.copyfile(migrated, str(url.database))
    with services.in_process(), closing(State(own.database_url)) as state:
        if not is_copy:
            state.migrate()
        cache = Cache(
            state, max_bytes=own.cache_max_bytes, max_age_seconds=own.cache_max_age_seconds
        )
        clients = replace(opened_clients, settings=own, state=state, cache=cache)
        yield WorkerHarness(clients, services, s3, tmp_path)


@pytest.fixture
def harness(empty_harness: WorkerHarness) -> WorkerHarness:
    """A harness with one meeting without consents."""
    seed(empty_harness.clients.state, meeting_rows())
    return empty_harness


@pytest.fixture
def context(harness: WorkerHarness) -> Context:
    return harness.context


@pytest.fixture
def no_reconnect_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable libav's reconnect delay of half a minute."""
    monkeypatch.setitem(media_input._REMOTE, "reconnect_delay_max", "0")


@pytest.fixture
def short_read_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reduce libav's read timeout from 20 s to 0.5 s."""
    monkeypatch.setitem(media_input._REMOTE, "rw_timeout", "500000")

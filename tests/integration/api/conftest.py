"""An API with one meeting in its database, and an S3 server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from reference_workers.settings import Settings
from tests.integration.api.api_process import ServedApi, serve_api
from tests.unit.reference_workers.worker_harness import RECORDINGS, TRANSCRIPTS, meeting_rows
from tests.unit.reference_workers.worker_harness import settings as harness_settings
from trackproof.testbed.s3.server import S3Server

CLOSED_PORT = "http://127.0.0.1:9/api"


@pytest.fixture(scope="package")
def s3_server() -> Iterator[S3Server]:
    with S3Server([RECORDINGS, TRANSCRIPTS]) as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server) -> S3Server:
    s3_server.reset()
    return s3_server


@pytest.fixture
def settings(s3: S3Server, tmp_path: Path, database_url: str) -> Settings:
    """Settings with an unreachable Conductor and one meeting in the database."""
    api_settings = harness_settings(
        s3, tmp_path, database_url=database_url, conductor_server_url=CLOSED_PORT
    )
    with closing(State(database_url)) as state:
        state.migrate()
        seed(state, meeting_rows())
    return api_settings


@pytest.fixture
def api(settings: Settings) -> Iterator[ServedApi]:
    with serve_api(settings) as served:
        yield served

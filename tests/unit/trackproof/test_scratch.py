"""Folders of killed processes are removed; those of others and of the living stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from trackproof.scratch import FRESH_SECONDS, clear_abandoned, scratch_folder

PREFIX = "trackproof-worker-"

HOLDER = """
import sys, time
from trackproof.scratch import scratch_folder
with scratch_folder(sys.argv[1]) as folder:
    (folder / "audio.webm").write_bytes(b"voice")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def holder() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, PREFIX],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_killed_process_leaves_a_folder_that_the_next_one_removes(temporary: Path) -> None:
    with holder() as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert clear_abandoned(PREFIX) == []  # it is alive
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert (folder / "audio.webm").exists()
    assert clear_abandoned(PREFIX) == [folder]
    assert list(temporary.iterdir()) == []


def test_a_folder_is_removed_at_the_end_of_its_block(temporary: Path) -> None:
    with scratch_folder(PREFIX) as folder:
        assert clear_abandoned(PREFIX) == []
        assert folder.exists()
    assert list(temporary.iterdir()) == []


def test_folders_of_earlier_versions_are_removed_when_they_are_old(temporary: Path) -> None:
    old, new = temporary / f"{PREFIX}old", temporary / f"{PREFIX}new"
    for folder in (old, new):
        folder.mkdir()
    past = time.time() - FRESH_SECONDS - 1
    os.utime(old, (past, past))

    assert clear_abandoned(PREFIX) == []
    assert clear_abandoned(PREFIX, without_lock=True) == [old]
    assert new.exists()


def test_neither_links_nor_other_names_are_removed(temporary: Path, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (target / ".trackproof-lock").touch()
    link = temporary / f"{PREFIX}link"
    link.symlink_to(target)

    assert clear_abandoned(PREFIX, without_lock=True) == []
    assert target.exists()

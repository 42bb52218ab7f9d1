"""Signals reach a process with all its descendants."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from trackproof.testbed.process_tree import descendants
from trackproof.testbed.processes import ManagedProcess
from trackproof.wait import wait_until

PARENT = "import subprocess, sys; subprocess.run(['sleep', '60'])"


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def test_a_whole_tree_stops_goes_on_and_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", PARENT]
    with ManagedProcess("a parent", command, log_path=tmp_path / "log") as process:
        supervisor = process._supervisor.pid
        tree = wait_until(
            lambda: found if len(found := descendants(supervisor)) == 2 else None,
            what="parent and child",
            timeout=10,
        )

        assert process.send_signal(signal.SIGSTOP) == 2
        wait_until(
            lambda: [state_of(pid) for pid in tree] == ["T", "T"], what="the stop", timeout=10
        )
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: "T" not in map(state_of, tree), what="the tree to go on", timeout=10)

        process.send_signal(signal.SIGKILL)
        wait_until(lambda: process.poll() == 137, what="the exit", timeout=10)
        assert process.send_signal(signal.SIGKILL) == 0

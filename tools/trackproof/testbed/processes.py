"""Child processes: logged to a file, in a process group of their own, never left behind."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from trackproof.testbed import supervisor
from trackproof.testbed.process_tree import signal_descendants
from trackproof.testbed.stoppable import Stoppable
from trackproof.testbed.supervisor import GRACE_SECONDS, INTERRUPTED

_interrupted = threading.Event()


def shorten_grace() -> None:
    """Let every process end within half a second from now on: a user waits for the prompt."""
    _interrupted.set()


class ManagedProcess(Stoppable):
    """A command under a supervisor, which ends it when this process ends."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Start `command`; its standard output and error are appended to `log_path`."""
        self.name = name
        self.log_path = log_path
        self._command = tuple(command)
        self._cwd, self._env = cwd, env
        self._spawn()

    def _spawn(self) -> None:
        self._ended_at: float | None = None
        self._control, control = socket.socketpair()
        with control, self.log_path.open("ab") as log:
            self._supervisor = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", supervisor.__file__, *self._command],
                stdin=control.fileno(),
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,
            )

    def restart(self, command: Sequence[str] | None = None) -> None:
        """End the command, if it still runs, and start it again; by default with equal arguments.

        Its output is appended to the same log.
        """
        self.stop()
        self._command = tuple(command or self._command)
        self._spawn()

    def poll(self) -> int | None:
        """Return the command's exit code, or None while it runs."""
        return self._supervisor.poll()

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of the log."""
        text = self.log_path.read_text("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def request_end(self) -> None:
        """Send SIGTERM to the command alone; what becomes of its children is its own matter."""
        self._supervisor.send_signal(signal.SIGUSR1)

    def ended_at(self) -> float | None:
        """Return when the command exited after `request_end`, in epoch seconds; None before.

        Children that outlive the command run on until `stop`.
        """
        if self._ended_at is None:
            with contextlib.suppress(OSError):  # nothing was written yet
                text = self._control.recv(64, socket.MSG_DONTWAIT)
                self._ended_at = float(text) if text else None
        return self._ended_at

    def send_signal(self, number: signal.Signals) -> int:
        """Send a signal to the command and all its descendants; return how many got it."""
        return signal_descendants(self._supervisor.pid, number)

    def terminate(self, timeout: float) -> None:
        """Send SIGTERM and wait up to `timeout` seconds for the command to exit."""
        self._supervisor.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(timeout)

    def stop(self) -> None:
        """End the command and its children, and wait for their exit."""
        with contextlib.suppress(OSError):  # the command has ended already
            if _interrupted.is_set():
                self._control.send(INTERRUPTED)
        self._control.close()
        try:
            self._supervisor.wait(GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            self._supervisor.wait()


class Restartable(Protocol):
    """A server whose process can be signalled, and started again after it was killed."""

    @property
    def process(self) -> ManagedProcess | None:
        """Its process; None for a container."""

    def restart(self) -> None:
        """Start it again at its address.

        Raises:
            TestbedError: It does not answer.
        """

"""Run one command and end it, with all its children, when the parent process ends.

`trackproof.testbed.processes` starts this script with a socket on standard input. It closes
whatever ends the parent (a return, Ctrl-C, SIGTERM, even SIGKILL), and the supervisor then ends
the command's process group. On Linux the kernel also kills the command if the supervisor itself
is killed.

On SIGUSR1 it sends SIGTERM to the command alone, as an init process or container runtime does, and
writes the time of its exit to standard input, which is a socket. Children that outlive the command
run on until the parent closes the socket. Imports the standard library only, for a fast start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

GRACE_SECONDS = 5.0
INTERRUPTED_GRACE_SECONDS = 0.2
INTERRUPTED = b"i"
"""Sent before the pipe closes, by a parent that a user has interrupted."""
PR_SET_PDEATHSIG = 1
GROUP_POLL_SECONDS = 0.05


def main(command: list[str]) -> int:
    """Run `command` in a process group of its own; return its exit code."""
    # The kernel sends the death signal when the *thread* that forked ends, so the main thread
    # forks and stays. No other thread runs yet, which makes code after the fork safe.
    child = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_supervisor(),  # noqa: PLW1509
    )

    only_the_command, parent_gone = threading.Event(), threading.Event()

    def end_group(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    def end_command(*_: object) -> None:
        only_the_command.set()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)

    def end_when_parent_exits() -> None:
        interrupted = False
        with contextlib.suppress(OSError):  # reset, if the parent died without reading all of it
            interrupted = os.read(sys.stdin.fileno(), 1) == INTERRUPTED
        parent_gone.set()
        end_group(signal.SIGTERM)
        try:
            child.wait(INTERRUPTED_GRACE_SECONDS if interrupted else GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            end_group(signal.SIGKILL)

    signal.signal(signal.SIGTERM, lambda *_: end_group(signal.SIGTERM))
    signal.signal(signal.SIGUSR1, end_command)
    threading.Thread(target=end_when_parent_exits, daemon=True).start()
    code = child.wait()
    if only_the_command.is_set():
        with contextlib.suppress(OSError):
            os.write(sys.stdin.fileno(), f"{time.time()}\n".encode())
        while _is_group_alive(child.pid) and not parent_gone.wait(GROUP_POLL_SECONDS):
            pass
    end_group(signal.SIGKILL)  # children that the command left in its group
    return code if code >= 0 else 128 - code


def _is_group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except OSError:
        return False
    return True


def _die_with_supervisor() -> Callable[[], None] | None:
    """Return the `preexec_fn` that ties the child to this process; None outside of Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded before the fork: not safe after it
    supervisor = os.getpid()

    def request_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != supervisor:  # killed between the fork and the line above
            os._exit(128 + signal.SIGKILL)

    return request_death_signal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

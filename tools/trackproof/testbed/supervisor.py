"""Run one command and end it, with all its children, when the parent process ends.

`trackproof.testbed.processes` starts this script with a pipe on standard input. The pipe closes
whatever ends the parent (a return, Ctrl-C, SIGTERM, even SIGKILL), and the supervisor then ends
the command's process group. On Linux the kernel also kills the command if the supervisor itself
is killed. Imports the standard library only, for a fast start.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

GRACE_SECONDS = 5.0
INTERRUPTED_GRACE_SECONDS = 0.2
INTERRUPTED = b"i"
"""Sent before the pipe closes, by a parent that a user has interrupted."""
PR_SET_PDEATHSIG = 1


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

    def end_group(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    def end_when_parent_exits() -> None:
        interrupted = os.read(sys.stdin.fileno(), 1) == INTERRUPTED
        end_group(signal.SIGTERM)
        try:
            child.wait(INTERRUPTED_GRACE_SECONDS if interrupted else GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            end_group(signal.SIGKILL)

    signal.signal(signal.SIGTERM, lambda *_: end_group(signal.SIGTERM))
    threading.Thread(target=end_when_parent_exits, daemon=True).start()
    code = child.wait()
    end_group(signal.SIGKILL)  # children that the command left in its group
    return code if code >= 0 else 128 - code


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

"""Run one command and end it, with all its children, when the parent is gone.

Started by `trackproof.testbed.processes` with a pipe on standard input that the parent holds
open. The pipe closes whatever ends the parent (a return, Ctrl-C, SIGTERM, even SIGKILL),
and then the command's process group is ended. On Linux the kernel ends the command too if the
supervisor itself is killed. Standard library only: it starts in a blink.
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
PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> int:
    """Run `command` in a process group of its own; return its exit code."""
    # The main thread starts the command and stays to the end, which is what the death signal of
    # `_dying_with_me` hangs on; no other thread runs yet, so that code after fork is safe.
    child = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_dying_with_me(),  # noqa: PLW1509
    )

    def end_group(number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)

    def end_when_parent_leaves() -> None:
        os.read(sys.stdin.fileno(), 1)
        end_group(signal.SIGTERM)
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            end_group(signal.SIGKILL)

    signal.signal(signal.SIGTERM, lambda *_: end_group(signal.SIGTERM))
    threading.Thread(target=end_when_parent_leaves, daemon=True).start()
    code = child.wait()
    end_group(signal.SIGKILL)  # stragglers the command left in its group
    return code if code >= 0 else 128 - code


def _dying_with_me() -> Callable[[], None] | None:
    """Return what the child does before it becomes the command; nothing outside of Linux."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # found before the fork, where loading is safe
    supervisor = os.getpid()

    def ask_for_death_signal() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != supervisor:  # killed between the fork and the line above
            os._exit(128 + signal.SIGKILL)

    return ask_for_death_signal


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

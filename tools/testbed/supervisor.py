"""Run one command and end it, with all its children, when the parent is gone.

Started by `tools.testbed.processes` with a pipe on standard input that the parent holds
open. The pipe closes whatever ends the parent (a return, Ctrl-C, SIGTERM, even SIGKILL),
and then the command's process group is ended. Standard library only: it starts in a blink.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0


def main(command: list[str]) -> int:
    """Run `command` in a process group of its own; return its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603

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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

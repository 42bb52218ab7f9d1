"""Ctrl-C, SIGTERM and a closed terminal end a verb with a full clean-up and the signal's code."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

SHELL_BASE = 128
"""A shell reports a command ended by signal n with the exit code 128 + n."""
INTERRUPTED = (
    SHELL_BASE + signal.SIGHUP,
    SHELL_BASE + signal.SIGINT,
    SHELL_BASE + signal.SIGTERM,
)
"""Exit codes of interrupted verbs."""

_received: list[int] = []


def handle_signals() -> None:
    """Let Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt.

    An ignored SIGINT or SIGHUP stays ignored: a shell starts its background jobs so, and nohup.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def interruption_code() -> int:
    """Return an interrupted verb's exit code: 143 after SIGTERM, 129 after SIGHUP, else 130."""
    return SHELL_BASE + (_received[0] if _received else signal.SIGINT)


def exit_at_once() -> NoReturn:
    """End an interrupted process when everything is closed: Python's own end takes 0.7 s more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(interruption_code())


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    from trackproof.testbed.processes import shorten_grace

    _received.append(number)
    shorten_grace()
    raise KeyboardInterrupt

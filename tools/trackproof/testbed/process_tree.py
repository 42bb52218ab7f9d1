"""Signals to a process with all its descendants."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the process ids of all descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # The name in parentheses may contain spaces and parentheses.
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found, queue = [], [pid]
    while queue:
        below = children.get(queue.pop(0), [])
        found += below
        queue += below
    return found


def signal_descendants(pid: int, number: signal.Signals) -> int:
    """Send a signal to all descendants; return how many got it."""
    reached = 0
    for descendant in descendants(pid):
        with suppress(ProcessLookupError):
            os.kill(descendant, number)
            reached += 1
    return reached

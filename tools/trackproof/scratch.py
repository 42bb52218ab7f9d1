"""Temporary folders that the next process removes when theirs was killed.

A folder belongs to the process that holds the lock on its lock file; the system releases the lock
of a process that dies, whatever ended it, and in other containers too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from stat import S_ISDIR
from typing import Final

LOCK: Final = ".trackproof-lock"

FRESH_SECONDS: Final = 3_600.0
"""Age up to which a folder without a lock may be one that is being made."""

FULL_BYTES: Final = 1_000_000
"""Free space below which a disk counts as full."""


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """Yield a new temporary folder and remove it when the block ends."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unlocked = folder / f"{LOCK}-new"
        with unlocked.open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            unlocked.rename(folder / LOCK)  # nobody sees it without its lock
            yield folder


def clear_abandoned(prefix: str, *, without_lock: bool = False) -> list[Path]:
    """Remove this user's folders with a prefix whose process is gone; return them.

    Args:
        prefix: Beginning of the folders' names in the system's temporary folder.
        without_lock: Remove folders without a lock file too, when they are old: earlier versions
            made them.
    """
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            found = folder.lstat()  # a link is no folder of ours
            if not S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            is_old = time.time() - found.st_mtime > FRESH_SECONDS
            if _is_abandoned(folder, otherwise=without_lock and is_old):
                shutil.rmtree(folder)
                removed.append(folder)
    return removed


def _is_abandoned(folder: Path, *, otherwise: bool) -> bool:
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return otherwise
    except BlockingIOError:
        return False


def is_disk_full(folder: Path) -> bool:
    """Return whether the disk of a folder has no space left."""
    return shutil.disk_usage(folder).free < FULL_BYTES

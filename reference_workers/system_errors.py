"""Reasons for unexpected errors, those of the operating system by number, without paths or URLs."""

from __future__ import annotations

import errno
import tempfile
from typing import Final

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def unexpected_reason(error: Exception) -> str:
    """Return the reason of a failed task: `disk full` first, or the error's name and number."""
    if not isinstance(error, OSError) or error.errno is None:
        return f"unexpected {type(error).__name__}"
    number = f"errno {error.errno} {errno.errorcode.get(error.errno, '?')}"
    if error.errno in DISK_FULL:
        return f"disk full: {number}; temporary files are in {tempfile.gettempdir()}"
    return f"unexpected {type(error).__name__}: {number}"

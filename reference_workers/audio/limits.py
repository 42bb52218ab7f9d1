"""Limits on the length of audio and on the time to process it, against files made to exhaust.

A file of 194 bytes may have a gap of ten hours, which is filled with silence.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from reference_workers.errors import PermanentError, TransientError

LONGEST_SECONDS: Final = 48 * 3600.0
"""Length of audio outside a block of `media_limits`."""


@dataclass(frozen=True, slots=True)
class _Limits:
    longest: float
    end: float


_limits: ContextVar[_Limits] = ContextVar(
    "limits",
    default=_Limits(LONGEST_SECONDS, float("inf")),  # noqa: B039 - it is frozen
)


@contextmanager
def media_limits(*, longest: float, seconds: float) -> Iterator[None]:
    """Limit the audio that the block reads or writes.

    Args:
        longest: Seconds of audio, leading silence included.
        seconds: Time for the whole block.
    """
    token = _limits.set(_Limits(longest, time.monotonic() + seconds))
    try:
        yield
    finally:
        _limits.reset(token)


def check_length(seconds: float, source: str) -> None:
    """Check a position in the audio of `source`.

    Raises:
        PermanentError: It is behind the longest possible meeting.
    """
    longest = _limits.get().longest
    if seconds > longest:
        raise PermanentError(
            f"{source}: audio at {seconds / 3600:.1f} h; the meeting has at most "
            f"{longest / 3600:.1f} h"
        )


def check_time(source: str) -> None:
    """Check the time of the current block.

    Raises:
        TransientError: It is over.
    """
    if time.monotonic() > _limits.get().end:
        raise TransientError(f"{source}: processing the audio takes longer than its task may")

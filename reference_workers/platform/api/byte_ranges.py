"""Which bytes of an object a request wants (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,4000})\s*-\s*(\d{0,4000})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(Exception):
    """The range lies beyond the end, or is empty."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of bytes; `last` is part of it."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many bytes."""
        return self.last - self.first + 1


def requested_range(
    headers: Mapping[str, str], *, size: int, etag: str, modified_at: datetime
) -> ByteRange | None:
    """Return the one range that a GET asks for; None if it is to get the whole.

    The whole it gets, too, if it asks for several ranges, if nobody can read what it asks for,
    or if it has another version (If-Range).

    Raises:
        UnsatisfiableError: There is nothing where it asks for something.
    """
    found = _ONE_RANGE.fullmatch(headers.get("range", ""))
    if found is None or not _is_same_version(headers.get("if-range"), etag, modified_at):
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        suffix = int(last)
        if not suffix or not size:
            raise UnsatisfiableError
        return ByteRange(max(0, size - suffix), size - 1)
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None  # no range at all, says the RFC, and so to be passed over
    if start >= size:
        raise UnsatisfiableError
    return ByteRange(start, end)


def has_current_version(if_none_match: str | None, etag: str) -> bool:
    """Tell whether who asks has this version already (If-None-Match)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known


def _is_same_version(if_range: str | None, etag: str, modified_at: datetime) -> bool:
    if if_range is None or if_range.strip() == etag:
        return True
    try:
        moment = parsedate_to_datetime(if_range)
    except (ValueError, OverflowError):
        return False  # another tag, or a weak one, which is not good enough for a part
    return moment.tzinfo is not None and moment == modified_at.replace(microsecond=0)

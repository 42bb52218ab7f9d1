"""Range and conditional requests (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

_ONE_RANGE = re.compile(r"bytes=\s*(\d{0,4000})\s*-\s*(\d{0,4000})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableError(Exception):
    """The range starts beyond the end, or is empty."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A range of bytes, `last` included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """Number of bytes."""
        return self.last - self.first + 1


def requested_range(
    headers: Mapping[str, str], *, size: int, etag: str, modified_at: datetime
) -> ByteRange | None:
    """Return the single range of a GET, or None for the whole object.

    The whole object is also served for several ranges, an invalid range or another version
    (If-Range).

    Raises:
        UnsatisfiableError: The range contains no bytes of the object.
    """
    match = _ONE_RANGE.fullmatch(headers.get("range", ""))
    if match is None or not _is_same_version(headers.get("if-range"), etag, modified_at):
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        suffix = int(last)
        if not suffix or not size:
            raise UnsatisfiableError
        return ByteRange(max(0, size - suffix), size - 1)
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None  # invalid and therefore ignored (section 14.1.1)
    if start >= size:
        raise UnsatisfiableError
    return ByteRange(start, end)


def has_current_version(if_none_match: str | None, etag: str) -> bool:
    """Return whether the caller already has this version (If-None-Match)."""
    if if_none_match is None:
        return False
    known = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in known or etag in known


def _is_same_version(if_range: str | None, etag: str, modified_at: datetime) -> bool:
    if if_range is None or if_range.strip() == etag:
        return True
    try:
        date = parsedate_to_datetime(if_range)
    except (ValueError, OverflowError):
        return False  # another tag, or a weak one, which does not match a range
    return date.tzinfo is not None and date == modified_at.replace(microsecond=0)

"""Equality of values from a fleet: by what they mean, not by how a language writes them.

3 equals 3.0, `2026-01-02T03:04:05Z` equals `2026-01-02T03:04:05.000+00:00`, composed characters
equal decomposed ones, and a set has no order. Text that differs otherwise differs.
"""

from __future__ import annotations

import math
import re
import unicodedata
import uuid
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from numbers import Real
from typing import Any, Final

RELATIVE_TOLERANCE: Final = 1e-9
ABSOLUTE_TOLERANCE: Final = 1e-9
"""Rounding errors of a sum of seconds; far below a sample."""

_TIMESTAMP: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,](\d{1,9}))? ?([Zz]|[+-]\d{2}(?::?\d{2})?)"
)


def same_value(observed: Any, expected: Any) -> bool:
    """Return whether two values mean the same, at any depth."""
    return _agree(observed, expected, may_have_more=False)


def has_value(observed: Any, expected: Any) -> bool:
    """Return whether an open value has everything expected: its maps may have further fields."""
    return _agree(observed, expected, may_have_more=True)


def contains_value(observed: Collection[Any], expected: Any) -> bool:
    """Return whether an item of a collection, or a key of a map, means the same."""
    if isinstance(observed, str):
        return isinstance(expected, str) and _composed(expected) in _composed(observed)
    return any(same_value(item, expected) for item in observed)


def _agree(observed: Any, expected: Any, *, may_have_more: bool) -> bool:
    observed, expected = _plain(observed), _plain(expected)
    if isinstance(observed, datetime) and isinstance(expected, str):
        observed, expected = expected, observed
    match expected:
        case Mapping():
            same = isinstance(observed, Mapping) and _same_fields(observed, expected, may_have_more)
        case AbstractSet():
            same = isinstance(observed, AbstractSet) and _same_members(observed, expected)
        case Sequence() if not isinstance(expected, str | bytes | bytearray | memoryview):
            same = (
                isinstance(observed, Sequence)
                and not isinstance(observed, str | bytes | bytearray | memoryview)
                and len(observed) == len(expected)
                and all(
                    _agree(one, other, may_have_more=may_have_more)
                    for one, other in zip(observed, expected, strict=True)
                )
            )
        case _:
            same = _same_scalar(observed, expected)
    return same


def _same_scalar(observed: Any, expected: Any) -> bool:
    match expected:
        case bool() | None:
            same = observed is expected
        case Real() | Decimal():
            same = _is_number(observed) and _same_number(observed, expected)
        case str():
            same = isinstance(observed, str) and _same_text(observed, expected)
        case datetime():
            same = isinstance(observed, str | datetime) and _instant(observed) == _instant(expected)
        case _:
            same = bool(observed == expected)
    return same


def _plain(value: Any) -> Any:
    """Return the value that a database driver's or a language's own type stands for."""
    match value:
        case Enum():
            return _plain(value.value)
        case uuid.UUID():
            return str(value)
        case _:
            return value


def _is_number(value: Any) -> bool:
    return isinstance(value, Real | Decimal) and not isinstance(value, bool)


def _same_number(one: Any, other: Any) -> bool:
    if one == other or (one != one and other != other):  # noqa: PLR0124 - only NaN differs from itself
        return True
    if isinstance(one, int) and isinstance(other, int):
        return False
    try:
        return math.isclose(
            float(one), float(other), rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE
        )
    except OverflowError:
        return False


def _same_text(one: str, other: str) -> bool:
    if one == other or _composed(one) == _composed(other):
        return True
    return (instant := _instant(one)) is not None and instant == _instant(other)


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _instant(value: str | datetime) -> tuple[datetime, int] | None:
    """Return a timestamp as whole seconds in UTC and nanoseconds; None if it is no timestamp.

    A datetime without a time zone is UTC: SQLite drops the zone.
    """
    if isinstance(value, datetime):
        moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return moment.replace(microsecond=0), moment.microsecond * 1000
    if not (match := _TIMESTAMP.fullmatch(value)):
        return None
    date, time, fraction, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{time}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment, int((fraction or "").ljust(9, "0"))


def _same_fields(
    observed: Mapping[Any, Any], expected: Mapping[Any, Any], may_have_more: bool
) -> bool:
    if len(observed) != len(expected) and not (may_have_more and len(observed) > len(expected)):
        return False
    names = {_key(name): name for name in observed}
    return all(
        (key := _key(name)) in names
        and _agree(observed[names[key]], value, may_have_more=may_have_more)
        for name, value in expected.items()
    )


def _key(name: Any) -> Any:
    return _composed(name) if isinstance(name, str) else name


def _same_members(observed: AbstractSet[Any], expected: AbstractSet[Any]) -> bool:
    """Return whether two sets have the same members; each is paired with one of the other."""
    if len(observed) != len(expected):
        return False
    left = list(observed - expected)
    for member in expected - observed:
        found = next((one for one in left if same_value(one, member)), None)
        if found is None:
            return False
        left.remove(found)
    return True

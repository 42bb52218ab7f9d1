"""Values of a fleet count by what they mean: numbers, instants, characters, sets."""

from __future__ import annotations

import json
import unicodedata
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import examples
from trackproof.runs.equality import has_value, same_value

ID = "9d3f6f8e-7a39-4a55-9b9a-1f2e3d4c5b6a"

SAME: list[tuple[Any, Any]] = [
    (3, 3.0),
    (8.0, 8),
    (Decimal("8.00"), 8),
    (Decimal("0.1"), 0.1),
    (0.1 + 0.2, 0.3),
    ({"duration": 8}, {"duration": 8.0}),
    ([{"start": 3}], [{"start": 3.0}]),
    ([1, 2], (1.0, 2.0)),
    (frozenset({"a", "b"}), {"b", "a"}),
    ({("a", 1)}, {("a", 1.0)}),
    ({"cafe\u0301"}, {"caf\u00e9"}),
    ("cafe\u0301", "caf\u00e9"),
    ({"cafe\u0301": 1}, {"caf\u00e9": 1}),
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05+00:00"),
    ("2026-01-02T03:04:05.120Z", "2026-01-02T05:04:05.12+02:00"),
    ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789+0000"),
    (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05Z"),
    ("2026-01-02 03:04:05+00", datetime(2026, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1)))),
    (uuid.UUID(ID), ID),
    (None, None),
    (True, True),
    (10**400, 10**400),
    (float("nan"), float("nan")),
]

DIFFERENT: list[tuple[Any, Any]] = [
    (3, 3.001),
    (3, "3"),
    (True, 1),
    (1, True),
    (0, None),
    (None, ""),
    (10**400, 1.5),
    (2**63, 2**63 + 1),
    ("a", "A"),
    ("a ", "a"),
    ("abc", ["a", "b", "c"]),
    ([1, 2], [2, 1]),
    ([1], [1, 1]),
    ({"a": 1}, {"a": 1, "b": 2}),
    ({"a": 1, "b": 2}, {"a": 1}),
    ({"a"}, ["a"]),
    ({1}, {1, 2}),
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"),
    ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"),
    ("2026-99-02T03:04:05Z", "2026-98-02T03:04:05Z"),
    (b"a", [97]),
]


@pytest.mark.parametrize(("observed", "expected"), SAME)
def test_equivalent_values_are_the_same(observed: Any, expected: Any) -> None:
    assert same_value(observed, expected)
    assert same_value(expected, observed)
    assert has_value(observed, expected)


@pytest.mark.parametrize(("observed", "expected"), DIFFERENT)
def test_other_values_differ(observed: Any, expected: Any) -> None:
    assert not same_value(observed, expected)
    assert not same_value(expected, observed)


def test_open_value_may_have_more_fields_at_any_depth() -> None:
    observed = {"room": {"id": "r", "name": "n"}, "topics": [{"title": "t", "id": 1}]}

    assert has_value(observed, {"room": {"id": "r"}, "topics": [{"title": "t"}]})
    assert not has_value(observed, {"room": {"id": "r", "url": None}})
    assert not has_value(observed, {"topics": []})


NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
INSTANTS = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC).isoformat()
)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=20) | INSTANTS
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def rewritten(value: Any, choose: Callable[[], bool]) -> Any:
    """Return a value as another language may write it."""
    match value:
        case list():
            return [rewritten(part, choose) for part in value]
        case dict():
            parts = [(name, rewritten(part, choose)) for name, part in value.items()]
            return dict(parts[::-1] if choose() else parts)
        case bool() | None:
            return value
        case int() | float():
            return rewritten_number(value, choose)
        case _:
            zulu = value.removesuffix("+00:00") + "Z" if value.endswith("+00:00") else value
            return unicodedata.normalize("NFD" if choose() else "NFC", zulu)


def rewritten_number(value: float, choose: Callable[[], bool]) -> float | Decimal:
    if choose():
        return Decimal(repr(value))
    return int(value) if isinstance(value, float) and value.is_integer() else float(value)


@examples(40)
@given(value=VALUES, random=st.randoms(use_true_random=False))
def test_value_equals_itself_as_another_language_writes_it(value: Any, random: Any) -> None:
    other = rewritten(value, lambda: bool(random.getrandbits(1)))

    assert same_value(other, value)
    assert same_value(value, other)
    assert same_value(json.loads(json.dumps(value)), value)


@examples(40)
@given(one=VALUES, other=VALUES)
def test_equality_is_symmetric_and_implied_by_pythons(one: Any, other: Any) -> None:
    assert same_value(one, other) == same_value(other, one)
    assert same_value(one, one)
    assert has_value(one, one)

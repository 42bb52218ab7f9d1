"""Assertions of clause tests: by value, and without a word of Python in their messages."""

from __future__ import annotations

import re
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures_audio import Participant
from tests.unit.examples import examples
from tests.unit.trackproof.python_terms import PYTHON
from trackproof.runs.task_run import StoredObject
from trackproof.suite.assertions import ClauseViolation, Expectation, expect, readable
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.testbed.stand_ins.ledger import Request


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Pair(NamedTuple):
    one: int
    other: str


@dataclass(frozen=True)
class Nested:
    inner: Any


class Opaque:
    """An object with no text of its own."""


REQUEST = Request(0, "daily", "GET", "/recordings/r", {}, (("host", "h"),), b"{}", 0.0, 200)

VALUES: list[Any] = [
    {"a", "b"},
    frozenset({1, 2}),
    frozenset({StoredObject("recordings", "k")}),
    {"x": {"y": {("a", 1)}}}.keys(),
    {"x": frozenset({"k"})}.values(),
    {"x": None}.items(),
    OrderedDict(a=True),
    Counter("aab"),
    deque([False]),
    MappingProxyType({"a": None}),
    SimpleNamespace(a=1),
    REQUEST,
    Nested(REQUEST),
    Fault(service="llm", status=500),
    Participant("p", "P", None),
    Pair(1, "a"),
    Colour.RED,
    Level.HIGH,
    datetime(2026, 1, 2, tzinfo=UTC),
    date(2026, 1, 2),
    time(3, 4),
    timedelta(seconds=90),
    Decimal("1.50"),
    Decimal("NaN"),
    Fraction(1, 3),
    uuid.UUID(int=7),
    Path("/x"),
    PurePosixPath("x"),
    b"raw",
    bytearray(b"raw"),
    memoryview(b"raw"),
    range(3),
    (part for part in (True, None)),
    KeyError("event"),
    ValueError("it's"),
    Opaque(),
    Opaque,
    len,
    lambda: None,
    re.compile("a"),
    pytest.ExceptionInfo.from_exc_info((ValueError, ValueError("x"), None)),  # type: ignore[arg-type]
]
NESTINGS: list[Callable[[Any], Any]] = [
    lambda value: value,
    lambda value: [value, None],
    lambda value: {"field": value},
    lambda value: ({"field": (value, True)},),
    Nested,
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("nest", NESTINGS, ids=["plain", "list", "map", "tuple", "dataclass"])
def test_no_message_shows_how_python_writes_a_value(value: Any, nest: Callable[[Any], Any]) -> None:
    violation = ClauseViolation("a sentence", nest(value), "subject")
    compared = ClauseViolation([1], nest([value]), "subject")

    for text in (str(violation), str(compared), compared.difference, readable(nest(value))):
        assert not PYTHON.search(text), text


def checks_of(observed: Any, other: Any) -> list[Callable[[Expectation], None]]:
    return [
        lambda one: one.equals(other),
        lambda one: one.has(other),
        lambda one: one.contains(other),
        lambda one: one.lacks(next(iter(observed), None)),
        lambda one: one.is_near(1.0, 0.5),
        lambda one: one.holds(False, "what the clause requires"),
    ]


@examples(20)
@given(
    observed=st.sampled_from([value for value in VALUES if hasattr(value, "__len__")]),
    other=st.sampled_from(VALUES),
    nth=st.integers(0, 5),
)
def test_no_check_shows_how_python_writes_a_value(observed: Any, other: Any, nth: int) -> None:
    violations: list[ClauseViolation] = []
    try:
        checks_of(observed, other)[nth](expect(observed, "subject"))
    except ClauseViolation as violation:
        violations.append(violation)

    for text in (text for one in violations for text in (str(one), one.difference)):
        assert not PYTHON.search(text), text


def test_values_are_compared_by_meaning() -> None:
    expect({"duration": 8}, "row").equals({"duration": 8.0})
    expect([3.0, Decimal(3)], "times").contains(3)
    expect(Decimal("9.5"), "seconds").is_near(9.5, 0.1)
    expect({"id": "r", "more": 1}, "output").has({"id": "r"})


@pytest.mark.parametrize(
    "check",
    [
        lambda: expect({"id": "r", "more": 1}).equals({"id": "r"}),
        lambda: expect({"id": "r"}).has({"id": "r", "more": 1}),
        lambda: expect([3.0]).lacks(3),
        lambda: expect("cafe\u0301").lacks("caf\u00e9"),
        lambda: expect(float("nan")).is_near(0, 9),
        lambda: expect(True).is_near(1, 9),
        lambda: expect(None).contains("a"),
        lambda: expect(True).equals(1),
    ],
)
def test_other_values_violate_the_clause(check: Callable[[], None]) -> None:
    with pytest.raises(ClauseViolation):
        check()

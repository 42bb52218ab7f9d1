"""No value of any kind appears in a report as Python writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from trackproof.runs.json_text import as_json
from trackproof.suite.assertions import ClauseViolation, readable
from trackproof.testbed.stand_ins.faults import Fault


class Colour(Enum):
    RED = "red"


@dataclass
class Sample:
    name: str
    tags: frozenset[str]
    hidden: str = field(default="secret", repr=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (frozenset({"b", "a"}), '["a", "b"]'),
        ({("a", 1), ("b", 0)}, '[["a", 1], ["b", 0]]'),
        ({"x": {1, 2}}, '{"x": [1, 2]}'),
        ({1: "a", ("b", 2): None}, '{"1": "a", "[\\"b\\", 2]": null}'),
        ([True, None, 1.5], "[true, null, 1.5]"),
        (b"raw\xff", '"raw\\\\xff"'),
        (Colour.RED, '"red"'),
        (Path("/x"), '"/x"'),
        (Sample("n", frozenset({"t"})), '{"name": "n", "tags": ["t"]}'),
        ({"α"}, '["α"]'),
    ],
)
def test_value_is_json(value: Any, text: str) -> None:
    assert as_json(value) == text
    assert readable(value) == text


def test_models_are_their_fields() -> None:
    assert '"service": "llm"' in as_json([Fault(service="llm", status=500)])


def test_violation_and_its_difference_are_plain() -> None:
    violation = ClauseViolation({"a", "b"}, frozenset({"a"}), "objects")

    assert str(violation) == 'objects: expected ["a", "b"], observed ["a"]'
    assert "frozenset" not in violation.difference
    assert '-  "b"' in violation.difference

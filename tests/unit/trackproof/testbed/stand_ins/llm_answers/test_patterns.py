from __future__ import annotations

import re

import pytest

from trackproof.testbed.stand_ins.llm_answers.patterns import UnfillableError, example


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^abc$",
        "a|b",
        "^(?:ab|cd)+$",
        r"^\d{3}-\d{2,}$",
        r"^[^abc]\S+\s\D$",
        "^[]x]$",
        r"^[\]\w]{2,4}$",
        r"^x?y*z+?$",
        r"^\(\.\)\n\t$",
        r"^\bword\b$",
        "^[ -/]$",
        r"^.{5}$",
    ],
)
def test_example_matches_its_pattern(pattern: str) -> None:
    assert re.search(pattern, example(pattern))


def test_example_has_the_minimum_length() -> None:
    assert example("^[a-z]+$", min_length=5) == "aaaaa"
    assert example("^x{2,}$", min_length=4).startswith("xxxx")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?!a)", "not supported"),
        (r"^(a)\1$", "not supported"),
        (r"^a^$", "no example"),
        (r"(", "ends too early"),
        (r"[\ud800]", "no character"),
    ],
)
def test_unsupported_pattern_is_an_error(pattern: str, reason: str) -> None:
    with pytest.raises(UnfillableError, match=reason):
        example(pattern)


def test_impossible_length_is_an_error() -> None:
    with pytest.raises(UnfillableError, match="no example"):
        example("^ab$", min_length=3)

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
def test_an_example_matches_its_pattern(pattern: str) -> None:
    assert re.search(pattern, example(pattern))


def test_an_example_is_as_long_as_asked_for() -> None:
    assert example("^[a-z]+$", min_length=5) == "aaaaa"
    assert example("^x{2,}$", min_length=4).startswith("xxxx")


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        (r"(?!a)", "not understood"),
        (r"^(a)\1$", "not understood"),
        (r"^a^$", "no example"),
        (r"(", "ends too early"),
        (r"[\ud800]", "no character"),
    ],
)
def test_a_pattern_beyond_understanding_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(UnfillableError, match=reason):
        example(pattern)


def test_an_example_is_never_too_short() -> None:
    with pytest.raises(UnfillableError, match="no example"):
        example("^ab$", min_length=3)

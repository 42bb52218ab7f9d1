"""Assertions of clause tests: expected against observed."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from decimal import Decimal
from typing import Any

from trackproof.runs.equality import contains_value, has_value, same_value
from trackproof.runs.json_text import as_json


class ClauseViolation(AssertionError):  # noqa: N818 - the term of the contracts
    """A clause is violated; carries both sides for the report."""

    def __init__(self, expected: Any, observed: Any, what: str = "") -> None:
        """Store both sides unchanged.

        Args:
            expected: What the clause requires: a value, or a sentence.
            observed: What the fleet did instead.
            what: The subject, as a noun; may be empty.
        """
        self.expected = expected
        self.observed = observed
        self.what = what
        about = f"{what}: " if what else ""
        super().__init__(f"{about}expected {readable(expected)}, observed {readable(observed)}")

    @property
    def difference(self) -> str:
        """The lines that differ, as a unified diff; empty where one side is a sentence."""
        if isinstance(self.expected, str) != isinstance(self.observed, str):
            return ""
        return "\n".join(
            difflib.unified_diff(
                _lines(self.expected), _lines(self.observed), "expected", "observed", lineterm=""
            )
        )


class Expectation:
    """One observed value, to be compared with what its clause requires."""

    def __init__(self, observed: Any, what: str) -> None:
        """Observe a value; `what` is its name in messages."""
        self._observed = observed
        self._what = what

    def equals(self, expected: Any) -> None:
        """Raise a ClauseViolation unless it means the same: 3 equals 3.0."""
        if not same_value(self._observed, expected):
            raise ClauseViolation(expected, self._observed, self._what)

    def has(self, expected: Any) -> None:
        """Raise a ClauseViolation unless it has all of it; objects may have further fields.

        For outputs, events and bodies, which are open.
        """
        if not has_value(self._observed, expected):
            raise ClauseViolation(expected, self._observed, self._what)

    def is_filled(self) -> None:
        """Raise a ClauseViolation if it is missing, null or empty: nothing equals nothing."""
        if self._observed in (None, "", [], {}, ()):
            raise ClauseViolation("a value that is not empty", self._observed, self._what)

    def is_near(self, expected: float, tolerance: float) -> None:
        """Raise a ClauseViolation unless it is a number at most `tolerance` from `expected`."""
        number = self._observed
        if (
            not isinstance(number, int | float | Decimal)
            or isinstance(number, bool)
            or not abs(float(number) - expected) <= tolerance  # NaN is near nothing
        ):
            raise ClauseViolation(f"{expected:g} ± {tolerance:g}", number, self._what)

    def contains(self, expected: Any) -> None:
        """Raise a ClauseViolation unless `expected` is in it."""
        observed = self._observed
        if not isinstance(observed, Collection) or not contains_value(observed, expected):
            raise ClauseViolation(f"{readable(expected)} in it", self._observed, self._what)

    def lacks(self, unwanted: Any) -> None:
        """Raise a ClauseViolation if `unwanted` is in it."""
        if contains_value(self._observed, unwanted):
            raise ClauseViolation(f"no {readable(unwanted)} in it", self._observed, self._what)

    def holds(self, condition: bool, expected: str) -> None:
        """Raise a ClauseViolation unless `condition` is true; `expected` puts it in words."""
        if not condition:
            raise ClauseViolation(expected, self._observed, self._what)


def expect(observed: Any, what: str = "") -> Expectation:
    """Speak of one observed value: `expect(run.status, "status").equals("COMPLETED")`."""
    return Expectation(observed, what)


def readable(value: Any, limit: int = 500) -> str:
    """Return a value as one short piece of text."""
    text = value if isinstance(value, str) else as_json(value)
    return shortened(text, limit)


def shortened(text: str, limit: int) -> str:
    """Return the beginning of a text, and how long it is, where it is longer than `limit`."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _lines(value: Any) -> list[str]:
    text = value if isinstance(value, str) else as_json(value, indent=2, sort_keys=True)
    return text.splitlines()[:2000]

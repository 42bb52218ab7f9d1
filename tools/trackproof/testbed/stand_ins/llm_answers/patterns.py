"""A string that matches a simple regular expression, for schemas that ask for one.

Understood: literals, `.`, escapes, character classes, groups, alternatives (the first is
taken), anchors at the ends and quantifiers (the least that is allowed is taken).
"""

from __future__ import annotations

import re
from typing import Final

_CLASS_ESCAPES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": " ", "S": "a"}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}
_QUANTIFIER = re.compile(r"(?:\{(\d+)(?:,(\d*))?\}|([*+?]))\??")


class UnfillableError(ValueError):
    """No answer can be made for a schema; the text says why."""


def example(pattern: str, *, min_length: int = 0) -> str:
    """Return a string that `pattern` is found in, `min_length` characters long if it can be.

    Raises:
        UnfillableError: No such string was found.
    """
    for repeats in (0, max(1, min_length)):
        try:
            text = _Walk(pattern, repeats).alternatives()
        except IndexError as error:
            raise UnfillableError(f"pattern {pattern!r} ends too early") from error
        if re.search(pattern, text) and len(text) >= min_length:
            return text
    raise UnfillableError(f"no example was found for pattern {pattern!r}")


class _Walk:
    """One reading of a pattern, from left to right."""

    def __init__(self, pattern: str, repeats: int) -> None:
        """Repeat what may be repeated without end at least `repeats` times."""
        self._pattern = pattern
        self._repeats = repeats
        self._at = 0

    def alternatives(self) -> str:
        """Read up to the end or the closing bracket; answer the first alternative."""
        first = self._sequence()
        while self._peek() == "|":
            self._at += 1
            self._sequence()
        return first

    def _sequence(self) -> str:
        parts = []
        while self._peek() not in ("", "|", ")"):
            piece = self._piece()
            parts.append(piece * self._times())
        return "".join(parts)

    def _times(self) -> int:
        match = _QUANTIFIER.match(self._pattern, self._at)
        if match is None:
            return 1
        self._at = match.end()
        least, most, sign = match.groups()
        if sign:
            return {"*": self._repeats, "+": max(1, self._repeats), "?": 0}[sign]
        if most is None:
            return int(least)
        return min(
            max(int(least), self._repeats), int(most) if most else self._repeats + int(least)
        )

    def _piece(self) -> str:
        char = self._next()
        if char in "^$":
            return ""
        if char == ".":
            return "a"
        if char == "\\":
            return self._escape()
        if char == "[":
            return self._one_of_class()
        if char == "(":
            if self._peek() == "?":
                if not self._pattern.startswith("?:", self._at):
                    raise UnfillableError(f"group in {self._pattern!r} is not understood")
                self._at += 2
            inner = self.alternatives()
            if self._next() != ")":
                raise UnfillableError(f"bracket in {self._pattern!r} is not closed")
            return inner
        return char

    def _escape(self) -> str:
        char = self._next()
        if char in _CLASS_ESCAPES:
            return _CLASS_ESCAPES[char]
        if char in "bB":
            return ""
        if char.isalnum() and char not in _CONTROLS:
            raise UnfillableError(f"\\{char} in {self._pattern!r} is not understood")
        return _CONTROLS.get(char, char)

    def _one_of_class(self) -> str:
        start = self._at - 1
        if self._peek() == "^":
            self._at += 1
        if self._peek() == "]":
            self._at += 1
        while (char := self._next()) != "]":
            if char == "\\":
                self._at += 1
        wanted = re.compile(self._pattern[start : self._at])
        for code in (*range(97, 123), *range(65, 91), *range(48, 58), *range(32, 0x250)):
            if wanted.fullmatch(chr(code)):
                return chr(code)
        raise UnfillableError(f"no character was found for {wanted.pattern!r}")

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._pattern[self._at]
        self._at += 1
        return char

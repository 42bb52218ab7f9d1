"""Example strings for the simple regular expressions in JSON schemas.

Supported: literals, `.`, escapes, character classes, groups, alternatives (the first one counts),
anchors at the ends and quantifiers (with the fewest repetitions).
"""

from __future__ import annotations

import re
from typing import Final

_CLASS_ESCAPES: Final = {"d": "0", "w": "a", "s": " ", "D": "a", "W": " ", "S": "a"}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}
_QUANTIFIER = re.compile(r"(?:\{(\d+)(?:,(\d*))?\}|([*+?]))\??")


class UnfillableError(ValueError):
    """No value can be generated for a schema."""


def example(pattern: str, *, min_length: int = 0) -> str:
    """Return a string of at least `min_length` characters that `pattern` matches.

    Raises:
        UnfillableError: No such string was found.
    """
    for repeats in (0, max(1, min_length)):
        try:
            text = _Parser(pattern, repeats).alternatives()
        except IndexError as error:
            raise UnfillableError(f"pattern {pattern!r} ends too early") from error
        if re.search(pattern, text) and len(text) >= min_length:
            return text
    raise UnfillableError(f"no example was found for pattern {pattern!r}")


class _Parser:
    """A recursive-descent parser of one pattern."""

    def __init__(self, pattern: str, repeats: int) -> None:
        """Repeat unbounded quantifiers at least `repeats` times."""
        self._pattern = pattern
        self._repeats = repeats
        self._at = 0

    def alternatives(self) -> str:
        """Parse up to the end or the closing bracket; return the first alternative."""
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
            return self._class_member()
        if char == "(":
            if self._peek() == "?":
                if not self._pattern.startswith("?:", self._at):
                    raise UnfillableError(f"group in {self._pattern!r} is not supported")
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
            raise UnfillableError(f"\\{char} in {self._pattern!r} is not supported")
        return _CONTROLS.get(char, char)

    def _class_member(self) -> str:
        start = self._at - 1
        if self._peek() == "^":
            self._at += 1
        if self._peek() == "]":
            self._at += 1
        while (char := self._next()) != "]":
            if char == "\\":
                self._at += 1
        char_class = re.compile(self._pattern[start : self._at])
        for code in (*range(97, 123), *range(65, 91), *range(48, 58), *range(32, 0x250)):
            if char_class.fullmatch(chr(code)):
                return chr(code)
        raise UnfillableError(f"no character was found for {char_class.pattern!r}")

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._pattern[self._at]
        self._at += 1
        return char

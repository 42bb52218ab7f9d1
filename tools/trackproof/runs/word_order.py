"""Words in a text, in their order: how a fleet formats a prompt or a message is its own affair."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

_ESCAPE: Final = re.compile(
    r"\\(?:([nrtbf])|u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?)"
)
"""An escape of JSON, as a prompt with JSON in it has it."""

_WORD: Final = re.compile(r"[^\W_]+|[^\w\s\x00-\x7f]+")
"""Letters and digits, or symbols such as emoji."""

_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
)
"""Scripts that put no space between words."""


class WordText:
    """A text in which words are looked up; case, markup and white space do not count."""

    def __init__(self, *texts: str) -> None:
        """Take one or more texts; a word does not span two of them."""
        self._text = "\n".join(map(_normal, texts))

    def has(self, words: Iterable[str] | str) -> bool:
        """Return whether all words occur in this order, whatever stands between them.

        ASCII punctuation of the words does not count: a format may escape it.
        """
        phrase = words if isinstance(words, str) else "\n".join(words)
        position = 0
        for word in _WORD.findall(_normal(phrase)):
            if (position := self._after(word, position)) < 0:
                return False
        return True

    def _after(self, word: str, start: int) -> int:
        """Return the position after the next occurrence of a whole word, or -1."""
        while (found := self._text.find(word, start)) >= 0:
            end = found + len(word)
            if self._is_edge(found) and self._is_edge(end):
                return end
            start = found + 1
        return -1

    def _is_edge(self, position: int) -> bool:
        """Return whether a word can begin or end between two characters."""
        if position in {0, len(self._text)}:
            return True
        before, after = self._text[position - 1], self._text[position]
        if not (before.isalnum() and after.isalnum()):
            return True
        return bool(_UNSPACED.match(before) or _UNSPACED.match(after))


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, such as the messages of a request to the LLM."""
    match value:
        case str():
            yield value
        case Mapping():
            for part in value.values():
                yield from texts_of(part)
        case list() | tuple():
            for part in value:
                yield from texts_of(part)


def _normal(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(_unescaped, text)
    if "&" in text:
        text = html.unescape(text)
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _unescaped(match: re.Match[str]) -> str:
    if match[1]:
        return " "
    units = [int(unit, 16) for unit in (match[2], match[3]) if unit]
    raw = b"".join(unit.to_bytes(2, "big") for unit in units)
    return raw.decode("utf-16-be", "replace")

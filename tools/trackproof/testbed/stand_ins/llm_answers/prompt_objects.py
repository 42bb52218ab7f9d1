"""JSON objects in a text, as templates and libraries write them.

Besides plain JSON: braces doubled for a template that never replaced them (`{{"a": 1}}`, as
llama-index does), JSON within a JSON string (backslashes before quotes), Python's own notation
(`{'a': None}`), which an f-string makes of a dict, and sketches for a human reader
(`{"a": string, "b": [1, ...]}`).
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_DECODER: Final = json.JSONDecoder()
_START: Final = re.compile(r"\{(?=[\s{]*(?:['\"}]|\\+\"))")
_DOUBLED: Final = re.compile(r"\{\{|\}\}")
_TOKEN: Final = re.compile(r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|[{}]""")

_COMMENT: Final = re.compile(r"\s//[^\n]*")
_ELLIPSIS: Final = re.compile(r",?\s*(?:\.\.\.|…)\s*(?=[\]}])")
_TRAILING_COMMA: Final = re.compile(r",(?=\s*[\]}])")
_PLACEHOLDER: Final = re.compile(
    r"(?<=[:\[,])\s*(<[^<>\n]*>|[A-Za-z][\w ]*(?:\[\w*\])?(?:\s*\|\s*[\w ]+)*)\s*(?=[,\]}\n])"
)
_PLACEHOLDER_VALUES: Final = {
    **dict.fromkeys(("true", "bool", "boolean"), "true"),
    **dict.fromkeys(("null", "false"), "null"),
    **dict.fromkeys(("int", "integer"), "1"),
    **dict.fromkeys(("float", "number"), "1.5"),
}
_BRACE: Final = re.compile(r"[{}]")
_ESCAPED: Final = re.compile(r"[\s{]*(?:\\n)?\s*\\+\"")
_MOST_DOUBLINGS: Final = 2


@dataclass(frozen=True)
class PromptObject:
    """An object and where it begins."""

    value: dict[str, Any]
    start: int


def objects_in(text: str) -> Iterator[PromptObject]:
    """Yield the objects of a text in their order, without those inside another."""
    at = 0
    while match := _START.search(text, at):
        at = match.start()
        found = _object_at(text, at)
        if found is None:
            at += 1
        else:
            value, end = found
            yield PromptObject(value, at)
            at = end


def _object_at(text: str, at: int) -> tuple[dict[str, Any], int] | None:
    """Return the object that begins at `at`, and its end."""
    try:
        return _DECODER.raw_decode(text, at)
    except ValueError:
        end = _closing(text, at)
    if end is None:
        return None
    written = text[at:end]
    for _ in range(_MOST_DOUBLINGS + 1):
        for read in (_from_json, _from_python, _from_json_string, _from_sketch):
            value = read(written)
            if isinstance(value, dict):
                return value, end
        written = _DOUBLED.sub(lambda match: match.group()[0], written)
    return None


def _closing(text: str, at: int) -> int | None:
    """Return the end of the braces that open at `at`; those in strings do not count."""
    depth = 0
    tokens = _BRACE if _ESCAPED.match(text, at) else _TOKEN
    for token in tokens.finditer(text, at):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return None


def _from_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _from_json_string(text: str) -> Any:
    return _from_json(text.replace("\\n", "\n").replace('\\"', '"'))


def _from_python(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _from_sketch(text: str) -> Any:
    """Read an object with comments, ellipses, trailing commas or types in place of values."""
    for noise in (_COMMENT, _ELLIPSIS, _TRAILING_COMMA):
        text = noise.sub("", text)
    return _from_json(_PLACEHOLDER.sub(_example_of, text))


def _example_of(placeholder: re.Match[str]) -> str:
    name = placeholder.group(1).strip("<>").lower()
    if "[" in name or name in ("list", "array"):
        return '["text"]'
    return _PLACEHOLDER_VALUES.get(name, '"text"')

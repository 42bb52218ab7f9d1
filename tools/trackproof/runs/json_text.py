"""Values of a fleet as JSON: a report never shows how Python writes a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

_REPR: Final = re.compile(r"^<.* at 0x[0-9a-f]+>|^<\w+ |^[A-Za-z_][\w.]*\(.*\)$", re.DOTALL)
"""How Python writes an object that has no text of its own."""


def as_json(value: Any, **options: Any) -> str:
    """Return a value as JSON: sets as sorted lists, objects as maps of their public fields."""
    return json.dumps(_plain(value), ensure_ascii=False, default=_text, **options)


def _plain(value: Any) -> Any:
    match value:
        case str() | int() | float() | None:
            plain: Any = value
        case Mapping():
            plain = {
                key if isinstance(key, str) else as_json(key): _plain(part)
                for key, part in value.items()
            }
        case set() | frozenset():
            plain = sorted(map(_plain, value), key=lambda part: json.dumps(part, default=_text))
        case bytes() | bytearray():
            plain = value.decode(errors="backslashreplace")
        case Enum():
            plain = _plain(value.value)
        case BaseModel():
            plain = value.model_dump(mode="json")
        case _ if is_dataclass(value) and not isinstance(value, type):
            plain = {
                field.name: _plain(getattr(value, field.name))
                for field in fields(value)
                if field.repr and not field.name.startswith("_")
            }
        case Iterable() if not _has_text(value):
            plain = [_plain(part) for part in value]  # lists, views of a map, iterators
        case _:
            plain = _of_library(value)
    return plain


def _of_library(value: Any) -> Any:
    """Return a value of Python's library as JSON; text for everything else."""
    match value:
        case Decimal():
            return _number(value)
        case datetime() | date() | time():
            return value.isoformat()
        case BaseException():
            return f"{type(value).__name__}: {value}"
        case _:
            return _text(value)


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        return str(value)
    return int(value) if value == value.to_integral_value() else float(value)


def _has_text(value: object) -> bool:
    return type(value).__str__ is not object.__str__


def _text(value: object) -> str:
    """Return the text of an object; the name of its type if only Python has one for it."""
    if isinstance(value, type):
        return value.__name__
    text = str(value) if _has_text(value) else repr(value)
    return type(value).__name__ if _REPR.search(text) else text

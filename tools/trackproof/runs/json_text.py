"""Values of a fleet as JSON: a report never shows how Python writes a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel


def as_json(value: Any, **options: Any) -> str:
    """Return a value as JSON: sets as sorted lists, objects as maps of their public fields."""
    return json.dumps(_plain(value), ensure_ascii=False, default=str, **options)


def _plain(value: Any) -> Any:
    match value:
        case Mapping():
            plain: Any = {
                key if isinstance(key, str) else as_json(key): _plain(part)
                for key, part in value.items()
            }
        case set() | frozenset():
            plain = sorted(map(_plain, value), key=lambda part: json.dumps(part, default=str))
        case list() | tuple():
            plain = [_plain(part) for part in value]
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
        case _:
            plain = value
    return plain

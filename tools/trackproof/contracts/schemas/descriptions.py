"""Short text for JSON Schemas and values, for messages."""

from __future__ import annotations

import json
from typing import Any

MAX_SHOWN = 80


def describe(schema: Any) -> str:
    """Describe the values that match `schema`."""
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing"
    if "enum" in schema or "const" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        return (
            f"{'one of ' * (len(values) > 1)}{', '.join(format_value(value) for value in values)}"
        )
    if kinds := kinds_of(schema):
        return " or ".join(kinds)
    for group, between in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if group in schema:
            return between.join(dict.fromkeys(describe(member) for member in schema[group]))
    return "anything"


def format_value(value: Any) -> str:
    """Return a value as JSON, truncated to 80 characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def kinds_of(schema: Any) -> list[str]:
    """Return the types in a schema's `type` keyword."""
    kind = schema.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)

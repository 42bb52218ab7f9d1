"""Older dialects of JSON schema, written in terms of draft 2020-12."""

from __future__ import annotations

from typing import Any, Final

_DATA: Final = frozenset({"const", "default", "enum", "example", "examples"})
"""Keywords whose values are no schemas."""
_LIMITS: Final = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}


def to_current_dialect(schema: Any) -> Any:
    """Return the schema with tuples, exclusive limits and `required` as draft 2020-12 has them.

    Draft 7, and pydantic 1, list the items of a tuple in `items`; draft 4 and OpenAPI 3.0 have
    booleans for exclusive limits; draft 3 has `required` within a property.
    """
    if isinstance(schema, list):
        return [to_current_dialect(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: part if key in _DATA and not isinstance(part, dict) else to_current_dialect(part)
        for key, part in schema.items()
    }
    if isinstance(result.get("items"), list):
        result["prefixItems"] = result.pop("items")
        if "additionalItems" in result:
            result["items"] = result.pop("additionalItems")
    for exclusive, limit in _LIMITS.items():
        if isinstance(result.get(exclusive), bool):
            is_exclusive = result.pop(exclusive)
            if is_exclusive and limit in result:
                result[exclusive] = result.pop(limit)
    if isinstance(result.get("required"), bool):
        del result["required"]
    return result

"""Make a schema stand alone: what it borrows from shapes.yaml comes along as its $defs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.yaml_files import references

Schema = dict[str, Any]


def bundled(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """Return `schema` with the shapes it uses, directly or not, and no others."""
    local: Schema = _pointing_inward(schema)
    known = {**_pointing_inward(dict(shapes)), **local.get("$defs", {})}
    used: dict[str, Schema] = {}
    waiting = _definitions_used({key: value for key, value in local.items() if key != "$defs"})
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used[name] = known[name]
            waiting |= _definitions_used(known[name])
    return {**local, "$defs": {name: used[name] for name in sorted(used)}} if used else local


def _definitions_used(schema: Schema) -> set[str]:
    return {
        target.removeprefix("#/$defs/").partition("/")[0] for _, target in references(schema, "")
    }


def _pointing_inward(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: value.removeprefix("../shapes.yaml")
                if key == "$ref" and isinstance(value, str)
                else _pointing_inward(value)
                for key, value in node.items()
            }
        case list():
            return [_pointing_inward(item) for item in node]
        case _:
            return node

"""Make a schema stand alone: what it borrows from shapes.yaml comes along as its $defs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.yaml_files import references

Schema = dict[str, Any]


def bundle_schema(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """Return `schema` with the shapes it uses, directly or not, and no others."""
    local: Schema = _with_local_references(schema)
    known = {**_with_local_references(dict(shapes)), **local.get("$defs", {})}
    used: dict[str, Schema] = {}
    waiting = _used_definitions({key: value for key, value in local.items() if key != "$defs"})
    while waiting:
        name = waiting.pop()
        if name in known and name not in used:
            used[name] = known[name]
            waiting |= _used_definitions(known[name])
    return {**local, "$defs": {name: used[name] for name in sorted(used)}} if used else local


def _used_definitions(schema: Schema) -> set[str]:
    return {
        target.removeprefix("#/$defs/").partition("/")[0] for _, target in references(schema, "")
    }


def _with_local_references(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: value.removeprefix("../shapes.yaml")
                if key == "$ref" and isinstance(value, str)
                else _with_local_references(value)
                for key, value in node.items()
            }
        case list():
            return [_with_local_references(item) for item in node]
        case _:
            return node

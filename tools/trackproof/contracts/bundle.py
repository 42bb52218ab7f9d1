"""Bundling of schemas: references to shapes.yaml become local `$defs`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trackproof.contracts.yaml_files import references

Schema = dict[str, Any]


def bundle_schema(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """Return `schema` as a self-contained schema with exactly the shapes it uses in `$defs`."""
    local: Schema = _with_local_references(schema)
    known = {**_with_local_references(dict(shapes)), **local.get("$defs", {})}
    used: dict[str, Schema] = {}
    pending = _used_definitions({key: value for key, value in local.items() if key != "$defs"})
    while pending:
        name = pending.pop()
        if name in known and name not in used:
            used[name] = known[name]
            pending |= _used_definitions(known[name])
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

"""Normal forms of JSON Schemas: without references, as alternatives, as sender or reader."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trackproof.contracts.bundle import Schema

ANNOTATIONS = {
    "$comment", "$defs", "$id", "$schema", "default", "deprecated", "description", "examples",
    "format", "readOnly", "title", "writeOnly",
}  # fmt: skip
GROUPS = ("anyOf", "oneOf", "allOf")
ANYTHING = "anything"
"""The type that `for_sender` gives to unconstrained values; not a JSON Schema type."""
VALUES = ("const", "enum", "default", "examples")


def inline_references(schema: Any, definitions: Mapping[str, Any] | None = None) -> Any:
    """Return `schema` with its references inlined; a recursive reference becomes `$circle`."""
    own = schema.get("$defs", {}) if isinstance(schema, dict) else {}
    return _inlined(schema, {**(definitions or {}), **own}, ())


def _inlined(node: Any, definitions: Mapping[str, Any], trail: tuple[str, ...]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions, trail) for item in node]
    if not isinstance(node, dict):
        return node
    written: Schema = {}
    for key, value in node.items():
        if key in VALUES:
            written[key] = value
        elif key == "properties":
            written[key] = {
                name: _inlined(part, definitions, trail) for name, part in value.items()
            }
        elif key not in ("$defs", "$ref"):
            written[key] = _inlined(value, definitions, trail)
    if "$ref" not in node:
        return written
    name = node["$ref"].rpartition("/")[2]
    if name in trail or name not in definitions:
        # An unknown keyword, which makes a comparison undecided instead of wrong.
        return {**written, "$circle": name}
    target = _inlined(definitions[name], definitions, (*trail, name))
    if not isinstance(target, dict) or target.keys() & written.keys() - ANNOTATIONS:
        return {"allOf": [target, written]}
    return {**target, **written}


def union(schemas: Iterable[Any]) -> Any:
    """Return a schema for values that match any of `schemas`."""
    different: list[Any] = []
    for schema in schemas:
        if schema not in different:
            different.append(schema)
    return different[0] if len(different) == 1 else {"anyOf": different}


def nullable(schema: Any) -> Any:
    """Return a schema that also allows null."""
    return union([schema, {"type": "null"}])


def choices(schema: Any) -> Iterator[Schema]:
    """Yield the alternatives of `schema`, each a constant, of one type, or unconstrained."""
    if not isinstance(schema, dict):
        if schema:
            yield {}
    elif "const" in schema:
        yield {"const": schema["const"]}
    elif "enum" in schema:
        yield from ({"const": value} for value in schema["enum"])
    elif group := next((group for group in GROUPS if group in schema), None):
        yield from _members(schema, group)
    else:
        yield from _typed(schema)


def _members(schema: Schema, group: str) -> Iterator[Schema]:
    base = {key: value for key, value in schema.items() if key != group}
    members = [member for member in schema[group] if isinstance(member, dict)]
    if group != "allOf":
        for member in members:
            yield from choices({**base, **member})
        return
    for member in members:
        base = {**base, **member}
    yield from choices(base)


def _typed(schema: Schema) -> Iterator[Schema]:
    match schema.get("type"):
        case list() as kinds:
            for kind in kinds:
                yield from choices({**schema, "type": kind})
        case "null":
            yield {"const": None}
        case "boolean":
            yield from ({"const": False}, {"const": True})
        case None:
            yield {}
        case _:
            yield schema


def for_reader(schema: Any) -> Any:
    """Return `schema` as a reader applies it: unknown fields are ignored."""
    if isinstance(schema, list):
        return [for_reader(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: value
        if key in VALUES
        else {name: for_reader(part) for name, part in value.items()}
        if key == "properties"
        else for_reader(value)
        for key, value in schema.items()
        if not (key in ("additionalProperties", "unevaluatedProperties") and value is False)
    }


def for_sender(schema: Any) -> Any:
    """Return `schema` as a sender applies it: only declared fields are sent.

    Other unconstrained values get the type `anything`, which matches only an empty schema.
    """
    if not isinstance(schema, dict):
        return {"type": ANYTHING} if schema else False
    if {"const", "enum"} & schema.keys():
        return schema
    groups = [group for group in GROUPS if group in schema]
    if not groups and "type" not in schema:
        demands = schema.keys() - ANNOTATIONS
        return _explicit_parts({**schema, "type": _ALL_TYPES}) if demands else {"type": ANYTHING}
    if _merges_fields(schema, groups):
        return {"type": ANYTHING}
    written = {group: [for_sender(member) for member in schema[group]] for group in groups}
    return {**(_explicit_parts(schema) if "type" in schema else schema), **written}


_ALL_TYPES = ["null", "boolean", "object", "array", "string", "number"]


def _merges_fields(schema: Schema, groups: Iterable[str]) -> bool:
    """Return whether several subschemas declare fields, which `choices` does not merge."""
    if "properties" in schema:
        return any("properties" in member for group in groups for member in schema[group]
                   if isinstance(member, dict))  # fmt: skip
    everywhere = [member for member in schema.get("allOf", ()) if isinstance(member, dict)]
    return sum("properties" in member or "anyOf" in member for member in everywhere) > 1


def _explicit_parts(schema: Schema) -> Schema:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    written = dict(schema)
    if "object" in kinds:
        fields = {name: for_sender(part) for name, part in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties", "properties" not in schema)
        if "properties" in schema:
            unnamed = [name for name in schema.get("required", ()) if name not in fields]
            fields |= {name: for_sender(others or True) for name in unnamed}
        written |= {"properties": fields, "additionalProperties": for_sender(others)}
    if "array" in kinds:
        written["items"] = for_sender("prefixItems" in schema or schema.get("items", True))
    return written

"""Verdicts on random schema edits, checked against randomly generated payloads."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.examples import examples
from trackproof.contracts.compat.changes import Direction, json_equal, worst
from trackproof.contracts.compat.schema_nodes import root_node
from trackproof.contracts.compat.schemas import schema_changes
from trackproof.contracts.schemas.normal_forms import for_reader, inline_references

NAMES = "abcd"
PATTERNS = ("^[a-z]{2}$", "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "^a+$", "^x_[0-9]+$")
TEXTS = ("", "a", "aa", "ab", "abc", "de-CH", "x_1", "Hello there", "ü" * 5)
SCALARS = (None, True, False, 0, 1, 2, 3, 2.5, -1, *TEXTS)
SMALL = st.integers(0, 4)


def limits(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), SMALL, max_size=2)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda fields, required, more: {
            "type": "object",
            "properties": fields,
            "required": [name for name in fields if name in required],
            **more,
        },
        st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=3),
        st.sets(st.sampled_from(NAMES)),
        st.sampled_from(
            [{}, {"additionalProperties": False}, {"additionalProperties": {"type": "integer"}}]
        ),
    )


LEAVES = st.one_of(
    st.sampled_from([{}, {"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}]),
    st.sampled_from([{"type": "object"}, {"type": "array"}, {"$ref": "#/$defs/shape"}]),
    st.builds(lambda value: {"const": value}, st.sampled_from(SCALARS)),
    st.builds(
        lambda values: {"enum": values}, st.lists(st.sampled_from(SCALARS), min_size=1, max_size=3)
    ),
    limits("minLength", "maxLength").map(lambda more: {"type": "string", **more}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
    st.builds(
        lambda kind, more: {"type": kind, **more},
        st.sampled_from(["integer", "number", ["integer", "null"]]),
        limits("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    ),
)


def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        objects(inner),
        st.builds(
            lambda items, more: {"type": "array", "items": items, **more},
            inner, limits("minItems", "maxItems"),
        ),
        st.builds(
            lambda values, more: {"type": "object", "additionalProperties": values, **more},
            inner, limits("minProperties", "maxProperties"),
        ),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=3)),
        inner.map(lambda part: {"anyOf": [part, {"type": "null"}]}),
    )  # fmt: skip


# Copied, because edits modify the drawn value.
SHAPES = st.recursive(LEAVES, grown, max_leaves=6).map(copy.deepcopy)
SCHEMAS = st.builds(
    lambda whole, shape: {**whole, "$defs": {"shape": shape}},
    objects(SHAPES),
    st.recursive(LEAVES.filter(lambda leaf: "$ref" not in leaf), objects, max_leaves=2),
)


def nodes(schema: Any) -> list[dict[str, Any]]:
    """Return `schema` and all its subschemas."""
    result = [schema]
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            parts = list(value.values())
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            parts = [value]
        else:
            parts = value if key == "anyOf" else []
        result += [node for part in parts for node in nodes(part)]
    return result


@st.composite
def edited(draw: st.DrawFn, schema: Any) -> Any:
    """Return `schema` after one to three random edits."""
    new = copy.deepcopy(schema)
    for _ in range(draw(st.integers(1, 3))):
        node = draw(st.sampled_from(nodes(new)))
        edit = draw(st.sampled_from(EDITS))
        edit(node, draw)
    return new


def _replace(node: dict[str, Any], draw: st.DrawFn) -> None:
    kept = {"$defs": node["$defs"]} if "$defs" in node else {}
    node_new = draw(SHAPES if not kept else objects(SHAPES))
    node.clear()
    node |= {**node_new, **kept}


def _set_limit(node: dict[str, Any], draw: st.DrawFn) -> None:
    names = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
             "exclusiveMinimum", "minProperties", "maxProperties")  # fmt: skip
    node[draw(st.sampled_from(names))] = draw(SMALL)


def _drop(node: dict[str, Any], draw: st.DrawFn) -> None:
    if keys := sorted(node.keys() - {"$defs"}):
        del node[draw(st.sampled_from(keys))]


def _toggle_required(node: dict[str, Any], draw: st.DrawFn) -> None:
    name, required = draw(st.sampled_from(NAMES)), node.get("required", [])
    node["required"] = [n for n in required if n != name] + [name] * (name not in required)


def _add_field(node: dict[str, Any], draw: st.DrawFn) -> None:
    node.setdefault("properties", {})[draw(st.sampled_from(NAMES))] = draw(SHAPES)


def _drop_field(node: dict[str, Any], draw: st.DrawFn) -> None:
    if node.get("properties"):
        del node["properties"][draw(st.sampled_from(sorted(node["properties"])))]


def _make_nullable(node: dict[str, Any], draw: st.DrawFn) -> None:
    if node.get("type") not in (None, "null") and isinstance(node["type"], str):
        node["type"] = [node["type"], "null"]


def _restrict_others(node: dict[str, Any], draw: st.DrawFn) -> None:
    node["additionalProperties"] = draw(st.one_of(st.booleans(), SHAPES))


def _describe(node: dict[str, Any], draw: st.DrawFn) -> None:
    node["description"] = draw(st.sampled_from(["Seconds.", "Bytes."]))


EDITS: list[Callable[[dict[str, Any], st.DrawFn], None]] = [
    _replace, _set_limit, _drop, _toggle_required, _add_field, _drop_field, _make_nullable,
    _restrict_others, _describe,
]  # fmt: skip

FREE = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=4,
)


def payloads(schema: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for values that mostly match a schema, with declared fields only."""
    if not isinstance(schema, dict) or not schema.keys() - {"description"}:
        return FREE
    if constants := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return st.sampled_from(constants)
    if "anyOf" in schema:
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        return st.one_of([payloads({**rest, **part}) for part in schema["anyOf"]])
    kinds = schema.get("type", ["object", "array", "string", "number", "null", "boolean"])
    if isinstance(kinds, list):
        return st.one_of([payloads({**schema, "type": kind}) for kind in kinds])
    least = schema.get("minItems", 0)
    return {
        "object": lambda: payload_objects(schema),
        "array": lambda: st.lists(
            payloads(schema.get("items", True)), min_size=least, max_size=least + 2
        ),
        "string": lambda: st.one_of(st.sampled_from(TEXTS), st.text("ab", max_size=6)),
        "number": lambda: st.one_of(st.integers(-2, 6), st.sampled_from([0.5, 1e6, -1e6])),
        "integer": lambda: st.integers(-2, 6),
        "boolean": st.booleans,
        "null": st.none,
    }[kinds]()


def payload_objects(schema: Any) -> st.SearchStrategy[Any]:
    fields = {name: payloads(part) for name, part in schema.get("properties", {}).items()}
    required = schema.get("required", [])
    others = schema.get("additionalProperties", "properties" not in schema)
    unnamed = {name: payloads(others or True) for name in required if name not in fields}
    named = st.fixed_dictionaries(
        {name: {**unnamed, **fields}[name] for name in required},
        optional={name: part for name, part in fields.items() if name not in required},
    )
    if others is False:
        return named
    more = st.dictionaries(st.sampled_from(NAMES), payloads(others), max_size=3)
    return st.builds(lambda first, rest: {**rest, **first}, named, more.map(
        lambda rest: {name: value for name, value in rest.items() if name not in fields}
    ))  # fmt: skip


def rejected(sender: Any, reader: Any, draw: st.DataObject) -> list[Any]:
    """Return payloads of `sender` that `reader` rejects."""
    sends = jsonschema_rs.Draft202012Validator(inline_references(sender))
    reads = jsonschema_rs.Draft202012Validator(for_reader(inline_references(reader)))
    drawn = draw.draw(st.lists(payloads(inline_references(sender)), min_size=8, max_size=12))
    return [value for value in drawn if sends.is_valid(value) and not reads.is_valid(value)]


@pytest.mark.parametrize("direction", ["to fleets", "from fleets"])
@examples(12)
@given(data=st.data())
def test_a_compatible_edit_rejects_no_payload(direction: Direction, data: st.DataObject) -> None:
    old = data.draw(SCHEMAS)
    new = data.draw(edited(old))
    changes = schema_changes(root_node(old, ""), root_node(new, ""), direction)
    grade = worst(changes)
    assume(grade != "breaking")

    consumers_send, fleets_read = (old, new) if direction == "to fleets" else (new, old)
    assert rejected(consumers_send, fleets_read, data) == [], changes
    if grade == "compatible":
        assert rejected(fleets_read, consumers_send, data) == [], changes


@examples(12)
@given(data=st.data())
def test_every_edit_of_a_schema_is_reported_as_a_change(data: st.DataObject) -> None:
    old = data.draw(SCHEMAS)
    new = data.draw(edited(old))

    changes = schema_changes(root_node(old, "/x"), root_node(new, "/x"), "to fleets")

    assert bool(changes) is not json_equal(old, new)
    assert all(change.what and change.reason for change in changes)
    assert all(change.pointer.startswith("/x") for change in changes)


@examples(12)
@given(data=st.data())
def test_an_edit_and_its_reverse_are_both_compatible_or_neither(data: st.DataObject) -> None:
    old = data.draw(SCHEMAS)
    new = data.draw(edited(old))

    there = schema_changes(root_node(old, ""), root_node(new, ""), "to fleets")
    back = schema_changes(root_node(new, ""), root_node(old, ""), "to fleets")

    assert (worst(there) == "compatible") == (worst(back) == "compatible")

from __future__ import annotations

import datetime
import decimal
import ipaddress
import uuid
from typing import Any

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from trackproof.testbed.stand_ins.llm_answers.prompt_reader import read
from trackproof.testbed.stand_ins.llm_answers.schema_filler import UnfillableError, fill

PROMPT = read(
    ["the albatross and the bergamot: a budget for the launch"],
    tracers=frozenset({"albatross", "bergamot"}),
    vocabulary=frozenset({"budget", "launch"}),
)


def filled(schema: Any) -> Any:
    """Fill a schema with words of the prompt."""
    return fill(schema, PROMPT.text_for, wanted_items=len(PROMPT.subjects))


def with_limits(low: str, high: str, least: int = 0, most: int = 60) -> st.SearchStrategy[Any]:
    """Generate two ordered limits, either of which may be missing."""
    numbers = st.integers(least, most)
    return st.tuples(numbers, numbers, st.booleans(), st.booleans()).map(
        lambda t: {
            **({low: min(t[:2])} if t[2] else {}),
            **({high: max(t[:2])} if t[3] else {}),
        }
    )


strings = with_limits("minLength", "maxLength").map(lambda limits: {"type": "string", **limits})
patterns = st.sampled_from(
    [r"^\d{4}-\d{2}$", "^[A-Z][a-z]+$", "^(yes|no)$", r"^\w+@\w+\.com$", "^#[0-9a-f]{6}$", "^$"]
).map(lambda pattern: {"type": "string", "pattern": pattern})
formats = st.sampled_from(["date-time", "email", "uuid", "uri", "of-our-own"]).map(
    lambda name: {"type": "string", "format": name}
)
ranges = with_limits("minimum", "maximum", -1000, 1000)
integers = ranges.map(lambda limits: {"type": "integer", **limits})
steps = st.tuples(st.sampled_from(["minimum", "maximum"]), st.integers(-50, 50)).flatmap(
    lambda limit: st.sampled_from([2, 3, 7, 0.5, 0.25]).flatmap(
        lambda step: st.sampled_from(["integer", "number"]).map(
            lambda kind: {"type": kind, limit[0]: limit[1], "multipleOf": step}
        )
    )
)
open_ranges = st.floats(-1e6, 1e6).map(
    lambda low: {"type": "number", "exclusiveMinimum": low, "exclusiveMaximum": low + 1}
)
scalars = st.sampled_from([0, 1, -2.5, "a", "", None, True, [1], {"a": 1}])
fixed = st.one_of(
    scalars.map(lambda value: {"const": value}),
    st.lists(scalars, min_size=1, max_size=4).map(lambda values: {"enum": values}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {}, True]),
)
leaves = st.one_of(strings, patterns, formats, integers, steps, open_ranges, fixed)
names = st.sampled_from(["title", "summary", "subjects", "score", "ä", "$ref-like", "a/b~c"])


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> Any:
    """Generate a schema with at most `depth` levels of subschemas."""
    inner = schemas(depth - 1) if depth else leaves
    kind = draw(st.sampled_from(["leaf", "object", "array", "set", "tuple", "union", "nullable"]))
    if depth == 0 or kind == "leaf":
        return draw(leaves)
    if kind == "object":
        properties = draw(st.dictionaries(names, inner, max_size=4))
        wanted = draw(st.sets(names, max_size=3))
        closed = draw(st.booleans())
        return {
            "type": "object",
            "properties": properties,
            "required": sorted(wanted & properties.keys() if closed else wanted),
            "additionalProperties": not closed,
        }
    if kind in ("array", "set"):
        limits = draw(with_limits("minItems", "maxItems", 0, 6))
        items = draw(inner) if kind == "array" else {"type": "string"}
        return {"type": "array", "items": items, "uniqueItems": kind == "set", **limits}
    parts = draw(st.lists(inner, min_size=1, max_size=3))
    if kind == "tuple":
        return {"type": "array", "prefixItems": parts, "items": False}
    if kind == "nullable" and not Draft202012Validator(parts[0]).is_valid(None):
        return {"oneOf": [{"type": "null"}, {"allOf": parts[:1]}]}
    return {"anyOf": parts}


def check_value(schema: Any) -> None:
    """Check that a schema accepts its value, which is always the same."""
    value = filled(schema)
    Draft202012Validator(schema).validate(value)
    assert repr(value) == repr(filled(schema))


@settings(deadline=None, max_examples=25)
@given(schemas())
def test_schema_accepts_its_value(schema: Any) -> None:
    check_value(schema)


@pytest.mark.nightly
@settings(deadline=None, max_examples=400)
@given(schemas())
def test_schema_accepts_its_value_in_many_examples(schema: Any) -> None:
    check_value(schema)


@settings(deadline=None, max_examples=10)
@given(schemas(1))
def test_value_matches_a_referenced_schema(schema: Any) -> None:
    root = {
        "$defs": {"Part/1": schema},
        "type": "object",
        "properties": {"part": {"$ref": "#/$defs/Part~11", "description": "the part"}},
        "required": ["part"],
    }

    Draft202012Validator(root).validate(filled(root))


def test_texts_have_words_of_the_prompt_and_lists_an_item_per_tracer() -> None:
    topic = {"type": "object", "properties": {"title": {"type": "string"}, "text": {}}}
    schema = {"type": "object", "properties": {"topics": {"type": "array", "items": topic}}}

    topics = filled(schema)["topics"]

    assert [topic["title"].split(":")[0] for topic in topics] == ["Albatross", "Bergamot"]
    assert all("budget" in topic["text"] for topic in topics)


def test_optional_properties_are_filled_in_the_order_of_the_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {}, "b": {}, "c": {"type": ["null", "integer"]}},
        "required": ["b"],
    }

    assert list(filled(schema)) == ["a", "b", "c"]
    assert filled(schema)["c"] == 1


def test_unfillable_optional_property_is_left_out() -> None:
    schema = {"type": "object", "properties": {"a": False, "b": {"const": 1}}}

    assert filled(schema) == {"b": 1}


def test_recursive_schema_is_filled() -> None:
    tree = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {
                    "title": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["title", "next"],
            }
        },
    }

    answer = filled(tree)

    Draft202012Validator(tree).validate(answer)
    assert answer["next"]["title"]


def test_parts_of_all_of_are_merged() -> None:
    schema = {
        "properties": {"n": {"type": "number", "minimum": 3}},
        "allOf": [
            {"properties": {"n": {"type": "integer", "maximum": 4}}, "required": ["n"]},
            {"properties": {"m": {"enum": [1, 2]}}, "required": ["m"]},
            {"properties": {"m": {"enum": [2, 3]}}},
        ],
    }

    assert filled(schema) == {"n": 3, "m": 2}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": [{"const": "a"}, {"const": 1}], "minItems": 2}, ["a", 1]),
        ({"items": [{"const": "a"}], "additionalItems": {"const": 2}, "minItems": 3}, ["a", 2, 2]),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": True}, 4),
        ({"type": "integer", "minimum": 3, "exclusiveMinimum": False}, 3),
        ({"properties": {"a": {"const": 1, "required": True}}}, {"a": 1}),
        ({"properties": {"items": {"enum": [[1]]}}}, {"items": [1]}),
    ],
)
def test_schema_of_an_older_draft_is_filled(schema: Any, value: Any) -> None:
    assert filled(schema) == value


class Formats(pydantic.BaseModel):
    moment: datetime.datetime
    day: datetime.date
    time: datetime.time
    span: datetime.timedelta
    price: decimal.Decimal
    id: uuid.UUID
    link: pydantic.HttpUrl
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    encoded: pydantic.Base64Bytes
    data: pydantic.Json[str]


def test_formats_of_pydantic_are_filled() -> None:
    Formats.model_validate(filled(Formats.model_json_schema()))


def test_min_properties_adds_properties() -> None:
    schema = {"type": "object", "minProperties": 2, "additionalProperties": {"type": "integer"}}

    assert list(filled(schema).values()) == [1, 1]


def test_max_properties_limits_properties() -> None:
    schema = {"type": "object", "properties": {"a": {}, "b": {}}, "maxProperties": 1}

    assert list(filled(schema)) == ["a"]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "nothing is allowed"),
        ({"type": "strnig"}, "invalid schema"),
        ({"$ref": "#"}, "without end"),
        ({"allOf": [{"$ref": "#"}]}, "without end"),
        ({"$ref": "#/$defs/No"}, "has no target"),
        ({"$ref": "https://example.com/schema"}, "only local references"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "no value was found"),
        ({"type": "string", "pattern": "(?=x)"}, "not supported"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "schema accepts"),
        ({"type": "array", "items": {"const": 1}, "uniqueItems": True, "minItems": 2}, "different"),
        ({"anyOf": [False, {"enum": []}]}, "no branch"),
        ({"not": {}}, "schema accepts"),
        ({"required": ["a"], "properties": {"a": False}}, "nothing is allowed"),
    ],
)
def test_unfillable_schema_is_an_error(schema: Any, reason: str) -> None:
    with pytest.raises(UnfillableError, match=reason):
        filled(schema)

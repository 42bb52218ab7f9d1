from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import examples
from trackproof.testbed.stand_ins.llm_answers.prompt_objects import objects_in
from trackproof.testbed.stand_ins.llm_answers.prompt_schema import (
    find_schema,
    guess_schema,
    wants_json,
)
from trackproof.testbed.stand_ins.llm_answers.request_errors import BadRequestError

TOPIC = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
RECAP = {
    "$defs": {"Topic": TOPIC},
    "type": "object",
    "description": 'It\'s what was said: {braces} and "quotes"',
    "properties": {
        "title": {"type": "string", "default": None},
        "topics": {"type": "array", "items": {"$ref": "#/$defs/Topic"}},
    },
    "required": ["title", "topics"],
}
PLAIN = json.dumps(RECAP)
LANGCHAIN_EXAMPLE = (
    'As an example, for the schema {"properties": {"foo": {"title": "Foo", "type": "array", '
    '"items": {"type": "string"}}}, "required": ["foo"]}\nthe object {"foo": ["bar", "baz"]} is '
    'well-formatted. The object {"properties": {"foo": ["bar", "baz"]}} is not well-formatted.'
)


def doubled(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        json.dumps(RECAP, indent=2),
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n``` and no more.",
        doubled(PLAIN.replace("{braces}", "braces")),
        doubled(doubled(PLAIN.replace("{braces}", "braces"))),
        doubled(json.dumps(RECAP, indent=2)),
        str(RECAP),
        doubled(str(RECAP)),
        json.dumps({"prompt": "x", "schema": RECAP}),
        json.dumps({"type": "json_schema", "json_schema": {"name": "Recap", "schema": RECAP}}),
        json.dumps({"type": "function", "function": {"name": "r", "parameters": RECAP}}),
        f"{LANGCHAIN_EXAMPLE}\n\nHere is the output schema:\n```\n{PLAIN}\n```",
        f"Follow {PLAIN}\nNow the meeting.\n{LANGCHAIN_EXAMPLE}",
        f'{{"words": [{{"word": "a"}}]}} {PLAIN} {{"title": "an answer"}}',
        f"{{ not json }} {{}} {PLAIN} {{",
    ],
)
def test_schema_is_found_as_it_is_written(text: str) -> None:
    found = find_schema(text)

    assert found["required"] == ["title", "topics"]
    assert found["properties"] == RECAP["properties"]
    assert found["$defs"] == {"Topic": TOPIC}


def test_schema_within_a_json_string_is_found() -> None:
    assert find_schema(f"Input: {json.dumps(json.dumps(TOPIC))}") == TOPIC


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"$ref": "#/$defs/Topic", "$defs": {"Topic": TOPIC}},
        {"anyOf": [TOPIC, {"type": "null"}]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"properties": {}},
    ],
)
def test_schema_without_type_or_properties_is_found(schema: Any) -> None:
    assert find_schema(f"Schema: {json.dumps(schema)}") == schema


def test_map_of_properties_is_a_schema_with_the_definitions_beside_it() -> None:
    properties = str(RECAP["properties"])
    definitions = str({"Topic": TOPIC})

    found = find_schema(f"Match this: {properties}\nHere are more definitions: {definitions}")

    assert found["properties"] == RECAP["properties"]
    assert found["$defs"] == {"Topic": TOPIC}
    assert found["required"] == ["topics"]


def test_last_schema_counts() -> None:
    assert find_schema(f"First {PLAIN}, then {json.dumps(TOPIC)}") == TOPIC


def test_typed_lines_are_a_schema() -> None:
    text = '```json\n{\n\t"title": string  // a title\n\t"tags": List[string]  // some\n}\n```'

    assert find_schema(text) == {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["title", "tags"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "no object",
        "{name}, {0} and {{}}",
        'the words {"word": "a", "start": 1.5}',
    ],
)
def test_text_without_schema_has_none(text: str) -> None:
    assert find_schema(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "object", "properties": {"title": {"type": "string"}',
        '{"type": "object", "properties": {"title": string}}',
        "{'properties': {'title': <class 'str'>}}",
        '{"properties": {"foo": ["bar"]}} is not well-formatted',
    ],
)
def test_schema_that_cannot_be_read_is_an_error(text: str) -> None:
    with pytest.raises(BadRequestError, match="expected one whole object"):
        find_schema(text)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('Answer in this format: {"title": "a title", "score": 3}', ["title", "score"]),
        ('Return JSON like:\n```\n{{"title": "…"}}\n```', ["title"]),
        ('Return JSON with the keys "title" and `summary`.', ["title", "summary"]),
    ],
)
def test_schema_is_guessed_from_an_example_or_keys(text: str, keys: list[str]) -> None:
    assert list(guess_schema(text)["properties"]) == keys


@pytest.mark.parametrize(
    ("sketch", "expected"),
    [
        ('{"topics": [{"title": "..."}, ...], "n": 1}', {"topics": [{"title": ""}], "n": 0}),
        ('{"title": <a title>, "n": number, "ok": bool}', {"title": "", "n": 0.5, "ok": True}),
        ('{"title": string, "tags": string[]}', {"title": "", "tags": [""]}),
        ('{\n  "title": "x", // short\n  "n": 3,\n}', {"title": "", "n": 0}),
        ("{{'title': '…', 'tags': ['a', 'b']}}", {"title": "", "tags": [""]}),
        ('[{"title": "x"}, {"title": "y"}]', [{"title": ""}]),
    ],
)
def test_schema_is_guessed_from_a_sketch(sketch: str, expected: Any) -> None:
    schema = guess_schema(f"Answer in JSON like this: {sketch} and nothing else.")

    jsonschema.validate(expected, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema)


def test_options_in_an_example_are_an_enum() -> None:
    schema = guess_schema('Return JSON like {"mood": "good | bad"}')

    assert schema["properties"]["mood"] == {"enum": ["good", "bad"]}


def test_list_is_guessed_and_nothing_from_nothing() -> None:
    assert guess_schema("Return a JSON array of titles.")["type"] == "array"
    assert guess_schema("Return JSON.") is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Return a JSON object.", True),
        ("Respond only with valid JSON, not markdown.", True),
        ("Answer in JSON without any text outside the JSON.", True),
        ("Your response must be valid JSON.", True),
        ('Use this format: {"title": "a title"}', True),
        ("Write a title. Do not return JSON.", False),
        ("Write a title and don't use JSON.", False),
        ("Write plain text, no JSON.", False),
        ("What was said about json?", False),
    ],
)
def test_wish_for_json_is_read_from_the_words(text: str, wanted: bool) -> None:
    assert wants_json(text) is wanted


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@examples(20)
@given(st.dictionaries(st.text(min_size=1), values, min_size=1), st.booleans())
def test_every_object_is_found_in_json_and_in_python(value: dict[str, Any], in_json: bool) -> None:
    text = json.dumps(value) if in_json else str(value)

    (found,) = objects_in(f"It's before: {text} after.")

    assert found.value == value
    assert found.start == len("It's before: ")

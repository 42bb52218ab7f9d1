"""The JSON schema in a prompt, for callers that state it in words instead of a parameter.

Understood: a schema, plain or in a wrapper (`{"name": …, "schema": …}`); a map of properties,
with or without a second map of definitions; LangChain's `"name": type  // description` lines; an
example or a sketch of the answer; keys in quotes. Examples of other answers are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from trackproof.testbed.stand_ins.llm_answers.prompt_objects import PromptObject, objects_in
from trackproof.testbed.stand_ins.llm_answers.request_errors import BadRequestError

_TYPES: Final = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})
_COMBINATIONS: Final = ("anyOf", "oneOf", "allOf")
_WRAPPERS: Final = ("schema", "parameters", "json_schema", "input_schema", "function")
_EXAMPLE: Final = re.compile(r"\b(?:example|for instance|e\.g\.)[^{}]{0,80}$", re.IGNORECASE)
_ANSWER: Final = re.compile(
    r"(?:format|structure|shape|template|layout|schema|example|instance|such as|like|json)"
    r"[^{}]{0,80}$",
    re.IGNORECASE,
)
_SCHEMA_SIGN: Final = re.compile(r"""["']\s*properties\\?["']\s*:""")
_WANTS_JSON: Final = re.compile(
    r"\b(?:return|respond|response|reply|answer|output|result|write|give|produce|generate|provide|"
    r"use|valid|only|format\w*)\b[^.\n]{0,60}\bjson\b",
    re.IGNORECASE,
)
_REFUSES_JSON: Final = re.compile(
    r"(?:\b(?:no|not|without|never|instead of)|n['’]t)\s+"
    r"(?:(?:a|an|any|as|in|use|return|output|write|answer|respond|reply|with)\s+)*json\b",
    re.IGNORECASE,
)
_FORMAT: Final = re.compile(r"\b(?:format|structure|shape|template)\b[^{}]{0,60}$", re.IGNORECASE)
_EXAMPLE_TYPES: Final = {bool: "boolean", int: "integer", float: "number"}
_OPTIONS: Final = re.compile(r"\w+(?:\s*\|\s*\w+)+")
_JSON_LIST: Final = re.compile(r"\bjson[- ](?:array|list)\b", re.IGNORECASE)
_KEYS: Final = re.compile(
    r"\b(?:keys?|fields?|properties|attributes)\b[^.\n]{0,200}", re.IGNORECASE
)
_QUOTED: Final = re.compile(r"""["'`]([A-Za-z_]\w*)["'`]""")
_TYPED_LINE: Final = re.compile(
    r"""^[ \t]*"(\w+)"[ \t]*:[ \t]*([A-Za-z]+)(?:\[(\w+)\])?[ \t]*,?[ \t]*(?://.*)?$""",
    re.MULTILINE,
)
_TYPE_NAMES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("string", "str", "text"), "string"),
    **dict.fromkeys(("integer", "int"), "integer"),
    **dict.fromkeys(("number", "float"), "number"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("list", "array", "sequence"), "array"),
    **dict.fromkeys(("object", "dict"), "object"),
}


def find_schema(text: str) -> Any:
    """Return the schema that a text states, or None.

    Raises:
        BadRequestError: The text has a schema that cannot be read.
    """
    found = list(objects_in(text))
    schema = _stated(text, found)
    if schema is None and _SCHEMA_SIGN.search(text):
        raise BadRequestError(
            "the messages have a JSON schema that cannot be read: expected one whole object, "
            '{"type": "object", "properties": {…}}, in JSON (braces may be doubled) or Python',
            "messages",
        )
    return schema or _typed_lines(text)


def wants_json(text: str) -> bool:
    """Return whether the text asks for JSON, by name or by an object that shows the format."""
    if _REFUSES_JSON.search(text):
        return False
    return bool(_WANTS_JSON.search(text)) or any(
        _FORMAT.search(text, max(0, one.start - 120), one.start) for one in objects_in(text)
    )


def guess_schema(text: str) -> Any:
    """Return a schema from an example of the answer, or from keys in quotes, or None."""
    for one in reversed(list(objects_in(text))):
        if one.value and _ANSWER.search(text, max(0, one.start - 120), one.start):
            schema = _of_example(one.value)
            is_item = text[: one.start].rstrip().endswith("[")
            return {"type": "array", "items": schema} if is_item else schema
    names = [name for match in _KEYS.finditer(text) for name in _QUOTED.findall(match.group())]
    if names:
        return _object({name: {"type": "string"} for name in names})
    if _JSON_LIST.search(text):
        return {"type": "array", "items": {"type": "string"}}
    return None


def _stated(text: str, found: Sequence[PromptObject]) -> Any:
    """Return the last schema, or the last map of properties; an example only if nothing else."""
    candidates: list[tuple[int, int, Any]] = []
    for number, one in enumerate(found):
        rank = 0 if _EXAMPLE.search(text, max(0, one.start - 120), one.start) else 2
        schema = _unwrapped(one.value)
        if schema is None and _is_property_map(one.value):
            schema = _object(one.value)
            rank -= 1
        if schema is not None and not _is_definitions(one, found):
            candidates.append((rank, number, schema))
    if not candidates:
        return None
    _, _, schema = max(candidates, key=lambda candidate: candidate[:2])
    return _with_definitions(schema, found)


def _unwrapped(value: Any) -> Any:
    """Return the value itself if it is a schema, else the schema in a wrapper, or None."""
    if not isinstance(value, dict):
        return None
    if _is_schema(value):
        return value
    for key in _WRAPPERS:
        inner = _unwrapped(value.get(key))
        if inner is not None:
            return inner
    return None


def _is_schema(value: Mapping[str, Any]) -> bool:
    properties = value.get("properties")
    if isinstance(properties, dict) and all(_is_part(part) for part in properties.values()):
        return True
    if value.get("type") == "array" and isinstance(value.get("items"), dict):
        return True
    if isinstance(value.get("$ref"), str):
        return "$defs" in value or "definitions" in value
    if any(isinstance(value.get(key), list) and value.get(key) for key in _COMBINATIONS):
        return all(_is_part(part) for key in _COMBINATIONS for part in value.get(key, []))
    return value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict)


def _is_part(value: Any) -> bool:
    return isinstance(value, dict | bool)


def _is_property_map(value: Mapping[str, Any]) -> bool:
    return bool(value) and all(_states_type(part) for part in value.values())


def _states_type(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    kinds = value.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return (
        all(isinstance(kind, str) and kind in _TYPES for kind in kinds)
        or any(isinstance(value.get(key), list) for key in (*_COMBINATIONS, "enum"))
        or isinstance(value.get("$ref"), str)
        or "const" in value
    )


def _is_definitions(one: PromptObject, found: Sequence[PromptObject]) -> bool:
    """Return whether other objects refer to the members of this one."""
    others = {ref for other in found if other is not one for ref in _references(other.value)}
    names = {reference.rpartition("/")[2] for reference in others}
    return bool(one.value) and one.value.keys() <= names


def _with_definitions(schema: dict[str, Any], found: Sequence[PromptObject]) -> dict[str, Any]:
    """Return the schema with the definitions that stand elsewhere in the prompt."""
    result = dict(schema)
    # A definition may refer to further ones.
    pending = list(_references(schema))
    seen: set[str] = set()
    while pending:
        reference = pending.pop()
        _, _, path = reference.partition("#/")
        folder, _, name = path.partition("/")
        if reference in seen or not name or name in result.get(folder, {}):
            continue
        seen.add(reference)
        for one in found:
            value = one.value.get(folder, one.value)
            if isinstance(value, dict) and isinstance(value.get(name), dict):
                result[folder] = {**result.get(folder, {}), name: value[name]}
                pending += _references(value[name])
                break
    return result


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict | list):
            yield from _references(part)


def _typed_lines(text: str) -> Any:
    """Return the schema of LangChain's StructuredOutputParser: `"title": string  // the title`."""
    properties: dict[str, Any] = {}
    for name, kind, item in _TYPED_LINE.findall(text):
        if kind.lower() not in _TYPE_NAMES:
            continue
        properties[name] = {"type": _TYPE_NAMES[kind.lower()]}
        if properties[name]["type"] == "array":
            item_type = _TYPE_NAMES.get(item.lower(), "string")
            properties[name] = {"type": "array", "items": {"type": item_type}}
    return _object(properties) if properties else None


def _of_example(value: Any) -> dict[str, Any]:
    """Return a schema of values like `value`."""
    match value:
        case dict():
            return _object({str(key): _of_example(part) for key, part in value.items()})
        case list():
            return {"type": "array", "items": _of_example(value[0]) if value else {}}
        case str() if _OPTIONS.fullmatch(value):
            return {"enum": [option.strip() for option in value.split("|")]}
        case _:
            return {"type": _EXAMPLE_TYPES.get(type(value), "string")}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    required = [name for name, part in properties.items() if "default" not in part]
    return {"type": "object", "properties": dict(properties), "required": required}

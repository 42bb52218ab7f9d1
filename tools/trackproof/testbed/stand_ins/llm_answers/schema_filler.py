"""Fills a JSON schema with an answer that keeps it, its texts written by whoever read the prompt.

Understood: objects (required, optional and additional properties), arrays (`items`,
`prefixItems`, `minItems`, `maxItems`, `uniqueItems`), `enum`, `const`, numbers with limits,
strings with limits, formats and simple patterns, `anyOf`, `oneOf`, `allOf`, local `$ref`, lists
of types, recursion. What was filled is validated before it is handed out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from trackproof.testbed.stand_ins.llm_answers import values
from trackproof.testbed.stand_ins.llm_answers.patterns import UnfillableError
from trackproof.testbed.stand_ins.llm_answers.schema_merge import merged, resolved

__all__ = ["UnfillableError", "Write", "fill"]

Write = Callable[[str, int], str]
"""Returns a text for a property name and the turn in the list it stands in."""

Schema = Mapping[str, Any]

_DEEP: Final = 6
"""From this many levels on only what is required is filled."""
_TOO_DEEP: Final = 30


def fill(schema: Any, write: Write, *, wanted_items: int = 1) -> Any:
    """Return a JSON value that `schema` accepts, the same one every time.

    Args:
        schema: A JSON schema, draft 2020-12.
        write: Writes the texts.
        wanted_items: How many items a list gets where its limits allow it.

    Raises:
        UnfillableError: The schema is broken, contradicts itself or asks too much.
    """
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UnfillableError(f"invalid schema: {error.message}") from error
    try:
        value = _Filler(schema, write, wanted_items).value(schema, "", 0, 0)
    except RecursionError as error:
        raise UnfillableError("the schema asks for itself without end") from error
    broken = best_match(Draft202012Validator(schema).iter_errors(value))
    if broken is not None:
        raise UnfillableError(f"no answer was found that keeps the schema: {broken.message}")
    return value


class _Filler:
    def __init__(self, root: Any, write: Write, wanted_items: int) -> None:
        """Fill parts of `root`, whose definitions local references point to."""
        self._root = root
        self._write = write
        self._wanted = wanted_items
        self._validator = Draft202012Validator(root)

    def value(self, schema: Any, name: str, turn: int, depth: int) -> Any:
        """Return a value for a subschema of the property `name`."""
        if depth > _TOO_DEEP:
            raise UnfillableError("the schema asks for itself without end")
        if schema is True:
            schema = {}
        if schema is False:
            raise UnfillableError(f"nothing is allowed for {name!r}")
        if "$ref" in schema:
            return self.value(resolved(self._root, schema), name, turn, depth + 1)
        if "allOf" in schema:
            return self.value(merged(self._root, schema), name, turn, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._one_branch(schema, key, name, turn, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._from_enum(schema, turn)
        return self._by_type(schema, name, turn, depth)

    def _one_branch(self, schema: Schema, key: str, name: str, turn: int, depth: int) -> Any:
        rest = {k: v for k, v in schema.items() if k != key}
        branches: list[Any] = list(schema[key])
        last = depth < _DEEP  # null comes last, unless it is time to come to an end
        branches.sort(key=lambda branch: _is_null(branch) is last)
        reasons = []
        for branch in branches:
            try:
                value = self.value(
                    merged(self._root, {"allOf": [rest, branch]}), name, turn, depth + 1
                )
            except UnfillableError as error:
                reasons.append(str(error))
                continue
            if self._accepts(schema, value):
                return value
            reasons.append("what fits one branch does not fit the whole")
        raise UnfillableError(f"no branch of {key} for {name!r} can be filled: {reasons}")

    def _from_enum(self, schema: Schema, turn: int) -> Any:
        options = schema["enum"]
        start = turn % max(1, len(options))
        return self._first_accepted(schema, [*options[start:], *options[:start]])

    def _by_type(self, schema: Schema, name: str, turn: int, depth: int) -> Any:
        kinds = schema.get("type") or _implied_type(schema)
        if isinstance(kinds, str):
            kinds = [kinds]
        if "null" in kinds and (kinds == ["null"] or depth >= _DEEP):
            return None
        kind = next(kind for kind in kinds if kind != "null")
        schema = {**schema, "type": kind}
        if kind == "object":
            return self._object(schema, name, turn, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return turn % 2 == 0
        if kind in ("integer", "number"):
            return self._first_accepted(schema, values.numbers(schema, turn))
        return values.string(schema, self._write(name, turn), turn)

    def _object(self, schema: Schema, name: str, turn: int, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties", {})
        extra = schema.get("additionalProperties", True)
        required = list(schema.get("required", []))
        most = schema.get("maxProperties", len(properties) + len(required))
        optional = [key for key in properties if key not in required] if depth < _DEEP else []
        filled: dict[str, Any] = {}
        for key in [*required, *optional]:
            if key not in required and len(filled) >= most:
                break
            try:
                filled[key] = self.value(properties.get(key, extra), key, turn, depth + 1)
            except UnfillableError:
                if key in required:
                    raise
        for number in range(schema.get("minProperties", 0) - len(filled)):
            key = f"{name or 'item'}_{number + 1}"
            filled[key] = self.value(extra, key, turn, depth + 1)
        return {key: filled[key] for key in sorted(filled, key=_position(properties))}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        first: list[Any] = schema.get("prefixItems", [])
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, len(first), self._wanted))
        count = min(max(least, len(first), self._wanted), most) if depth < _DEEP else least
        rest = schema.get("items", True)
        if rest is False:
            count = min(count, len(first))
        unique = schema.get("uniqueItems", False)
        items: list[Any] = []
        seen: set[str] = set()
        for turn in range(count * 8 + 8):
            if len(items) == count:
                break
            part = first[len(items)] if len(items) < len(first) else rest
            item = self.value(part, name, turn, depth + 1)
            mark = json.dumps(item, sort_keys=True)
            if unique and mark in seen:
                continue
            seen.add(mark)
            items.append(item)
        if len(items) < least:
            raise UnfillableError(f"{least} different items were not found for {name!r}")
        return items

    def _first_accepted(self, schema: Schema, candidates: Iterable[Any]) -> Any:
        for candidate in candidates:
            if self._accepts(schema, candidate):
                return candidate
        raise UnfillableError(f"nothing was found that keeps {json.dumps(schema)}")

    def _accepts(self, schema: Schema, value: Any) -> bool:
        return self._validator.evolve(schema=schema).is_valid(value)


def _is_null(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _implied_type(schema: Schema) -> str:
    for kind, signs in {
        "object": {"properties", "required", "additionalProperties", "minProperties"},
        "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems"},
        "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    }.items():
        if signs & schema.keys():
            return kind
    return "string"


def _position(properties: Mapping[str, Any]) -> Callable[[str], int]:
    order = {key: index for index, key in enumerate(properties)}
    return lambda key: order.get(key, len(order))

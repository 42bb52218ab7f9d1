"""Generates a JSON value that a schema accepts.

Supported: objects (required, optional and additional properties), arrays (`items`,
`prefixItems`, `minItems`, `maxItems`, `uniqueItems`), `enum`, `const`, numbers with limits,
strings with limits, formats and simple patterns, `anyOf`, `oneOf`, `allOf`, local `$ref`, lists
of types, recursion. The value is validated before it is returned.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from trackproof.testbed.stand_ins.llm_answers import values
from trackproof.testbed.stand_ins.llm_answers.patterns import UnfillableError
from trackproof.testbed.stand_ins.llm_answers.schema_dialect import to_current_dialect
from trackproof.testbed.stand_ins.llm_answers.schema_merge import merged, resolved

__all__ = ["UnfillableError", "WriteText", "fill"]

WriteText = Callable[[str, int], str]
"""Returns a text for a property name and the index in its list."""

Schema = Mapping[str, Any]

_REQUIRED_ONLY_DEPTH: Final = 6
"""Depth from which optional properties are left out."""
_MAX_DEPTH: Final = 30


def fill(schema: Any, write: WriteText, *, wanted_items: int = 1) -> Any:
    """Return a JSON value that `schema` accepts, always the same one.

    Args:
        schema: A JSON schema, draft 2020-12 or older.
        write: Returns the texts.
        wanted_items: Length of a list within its limits.

    Raises:
        UnfillableError: The schema is invalid, contradictory or not supported.
    """
    schema = to_current_dialect(schema)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise UnfillableError(f"invalid schema: {error.message}") from error
    try:
        value = _Filler(schema, write, wanted_items).value(schema, "", 0, 0)
    except RecursionError as error:
        raise UnfillableError("the schema recurses without end") from error
    violation = best_match(Draft202012Validator(schema).iter_errors(value))
    if violation is not None:
        raise UnfillableError(f"no value was found that the schema accepts: {violation.message}")
    return value


class _Filler:
    def __init__(self, root: Any, write: WriteText, wanted_items: int) -> None:
        """Fill subschemas of `root`, the target of local references."""
        self._root = root
        self._write = write
        self._wanted = wanted_items
        self._validator = Draft202012Validator(root)

    def value(self, schema: Any, name: str, index: int, depth: int) -> Any:
        """Return a value for a subschema of the property `name`."""
        if depth > _MAX_DEPTH:
            raise UnfillableError("the schema recurses without end")
        if schema is True:
            schema = {}
        if schema is False:
            raise UnfillableError(f"nothing is allowed for {name!r}")
        if "$ref" in schema:
            return self.value(resolved(self._root, schema), name, index, depth + 1)
        if "allOf" in schema:
            return self.value(merged(self._root, schema), name, index, depth + 1)
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return self._branch(schema, key, name, index, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._from_enum(schema, index)
        return self._by_type(schema, name, index, depth)

    def _branch(self, schema: Schema, key: str, name: str, index: int, depth: int) -> Any:
        rest = {k: v for k, v in schema.items() if k != key}
        branches: list[Any] = list(schema[key])
        last = (
            depth < _REQUIRED_ONLY_DEPTH
        )  # null comes last, but first at great depth, to end the recursion
        branches.sort(key=lambda branch: _is_null(branch) is last)
        reasons = []
        for branch in branches:
            try:
                value = self.value(
                    merged(self._root, {"allOf": [rest, branch]}), name, index, depth + 1
                )
            except UnfillableError as error:
                reasons.append(str(error))
                continue
            if self._accepts(schema, value):
                return value
            reasons.append("a value of one branch is not accepted by the whole")
        raise UnfillableError(f"no branch of {key} for {name!r} can be filled: {reasons}")

    def _from_enum(self, schema: Schema, index: int) -> Any:
        options = schema["enum"]
        start = index % max(1, len(options))
        return self._first_accepted(schema, [*options[start:], *options[:start]])

    def _by_type(self, schema: Schema, name: str, index: int, depth: int) -> Any:
        kinds = schema.get("type") or _implied_type(schema)
        if isinstance(kinds, str):
            kinds = [kinds]
        if "null" in kinds and (kinds == ["null"] or depth >= _REQUIRED_ONLY_DEPTH):
            return None
        kind = next(kind for kind in kinds if kind != "null")
        schema = {**schema, "type": kind}
        if kind == "object":
            return self._object(schema, name, index, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return index % 2 == 0
        if kind in ("integer", "number"):
            return self._first_accepted(schema, values.numbers(schema, index))
        return values.string(schema, self._write(name, index), index)

    def _object(self, schema: Schema, name: str, index: int, depth: int) -> dict[str, Any]:
        properties: Mapping[str, Any] = schema.get("properties", {})
        extra = schema.get("additionalProperties", True)
        required = list(schema.get("required", []))
        most = schema.get("maxProperties", len(properties) + len(required))
        optional = (
            [key for key in properties if key not in required]
            if depth < _REQUIRED_ONLY_DEPTH
            else []
        )
        filled: dict[str, Any] = {}
        for key in [*required, *optional]:
            if key not in required and len(filled) >= most:
                break
            try:
                filled[key] = self.value(properties.get(key, extra), key, index, depth + 1)
            except UnfillableError:
                if key in required:
                    raise
        for number in range(schema.get("minProperties", 0) - len(filled)):
            key = f"{name or 'item'}_{number + 1}"
            filled[key] = self.value(extra, key, index, depth + 1)
        return {key: filled[key] for key in sorted(filled, key=_position(properties))}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        first: list[Any] = schema.get("prefixItems", [])
        least = schema.get("minItems", 0)
        most = schema.get("maxItems", max(least, len(first), self._wanted))
        count = (
            min(max(least, len(first), self._wanted), most)
            if depth < _REQUIRED_ONLY_DEPTH
            else least
        )
        rest = schema.get("items", True)
        if rest is False:
            count = min(count, len(first))
        unique = schema.get("uniqueItems", False)
        items: list[Any] = []
        seen: set[str] = set()
        for index in range(count * 8 + 8):
            if len(items) == count:
                break
            part = first[len(items)] if len(items) < len(first) else rest
            item = self.value(part, name, index, depth + 1)
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
        raise UnfillableError(f"no value was found for {json.dumps(schema)}")

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

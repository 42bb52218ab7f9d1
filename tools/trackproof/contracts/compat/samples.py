"""Sample values near the limits of a schema, used to search for examples of a change.

The search is not exhaustive; every example is validated against both schemas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from trackproof.contracts.bundle import Schema
from trackproof.contracts.schemas.normal_forms import VALUES, choices

MAX_SAMPLES = 200
MAX_FIELD_SAMPLES = 40
MAX_LENGTH = 5_000
"""Maximum characters or items of a sample; larger limits are not tried."""
_MAX_DEPTH = 6
_TEXTS = ("a", "", "A", "0", "en", "de-CH", "a b", "ü", "a-b_c", "0" * 12)


def example(sender: Any, reader: Any) -> Any:
    """Return a value that `sender` allows and `reader` rejects.

    Both schemas must be without references, the reader's as returned by `for_reader`.

    Raises:
        LookupError: The search found no such value; one may exist.
    """
    sends = jsonschema_rs.Draft202012Validator(sender)
    reads = jsonschema_rs.Draft202012Validator(reader)
    for value in samples(sender, hints(sender, reader)):
        if sends.is_valid(value) and not reads.is_valid(value):
            return value
    raise LookupError


def hints(*schemas: Any) -> tuple[Any, ...]:
    """Return all constants in `schemas`: limits, enum members, defaults and examples."""
    values = [value for schema in schemas for value in _constants(schema)]
    return tuple({repr(value): value for value in values}.values())


def _constants(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for item in node:
            yield from _constants(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in VALUES:
                yield from value if isinstance(value, list) else [value]
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                yield value
            else:
                yield from _constants(value)


def samples(schema: Any, known: tuple[Any, ...], depth: int = 0) -> Iterator[Any]:
    """Yield values that probably match `schema`, the simplest first.

    Args:
        schema: A schema without references.
        known: Constants to try, see `hints`.
        depth: Nesting level of `schema`.
    """
    return islice(_samples(schema, known, depth), MAX_SAMPLES)


def _samples(schema: Any, known: tuple[Any, ...], depth: int) -> Iterator[Any]:
    if depth > _MAX_DEPTH:
        return
    for choice in choices(schema):
        match choice:
            case {"const": value}:
                yield value
            case {"type": "integer" | "number"}:
                yield from _numbers(choice, known)
            case {"type": "string"}:
                yield from _texts(choice, known)
            case {"type": "array"}:
                yield from _arrays(choice, known, depth)
            case {"type": "object"}:
                yield from _objects(choice, known, depth)
            case _:
                yield from (None, True, 0, 1.5, "a", [], [0], ["a"], {}, {"a": 0})
                yield from known


def _numbers(schema: Schema, known: tuple[Any, ...]) -> Iterator[float]:
    whole = schema["type"] == "integer"
    middle = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    step = schema.get("multipleOf", 1)
    own = [value for value in schema.values() if _is_number(value)]
    borders = [
        value + offset
        for value in dict.fromkeys([*own, *(value for value in known if _is_number(value))])
        for offset in (0, step, -step, *(() if whole else (0.5, -0.5)))
    ]
    for value in (middle, *borders, 0, 1, -1, 10**9, -(10**9)):
        if math.isfinite(value) and (not whole or float(value).is_integer()):
            yield int(value) if float(value).is_integer() else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts(schema: Schema, known: tuple[Any, ...]) -> Iterator[str]:
    if (least := schema.get("minLength", 0)) <= MAX_LENGTH and "pattern" not in schema:
        yield "a" * max(least, 1)
    yield from (value for value in known if isinstance(value, str))
    yield from _TEXTS
    for length in _lengths(known):
        yield "a" * length


def _lengths(known: Iterable[Any]) -> list[int]:
    limits = [int(value) for value in known if _is_number(value) and float(value).is_integer()]
    near = {limit + offset for limit in limits for offset in (-1, 0, 1)}
    return sorted(length for length in near if 0 <= length <= MAX_LENGTH)


def _arrays(schema: Schema, known: tuple[Any, ...], depth: int) -> Iterator[list[Any]]:
    least = schema.get("minItems", 0)
    if least > MAX_LENGTH:
        return
    items = list(islice(samples(schema.get("items", True), known, depth + 1), MAX_FIELD_SAMPLES))
    if not least:
        yield []
    for item in items:
        yield [item] * max(least, 1)
    if items:
        for length in _lengths(known):
            yield [items[0]] * length
        yield [items[0]] * (max(least, 1) + 1)
    yield items


def _objects(schema: Schema, known: tuple[Any, ...], depth: int) -> Iterator[dict[str, Any]]:
    fields = {
        name: list(islice(samples(part, known, depth + 1), MAX_FIELD_SAMPLES))
        for name, part in schema.get("properties", {}).items()
    }
    others = schema.get("additionalProperties", "properties" not in schema)
    more = list(islice(samples(others, known, depth + 1), MAX_FIELD_SAMPLES)) if others else []
    named = [*schema.get("required", ())]
    if any(not fields.get(name, more) for name in named):
        return
    least = {name: fields.get(name, more)[0] for name in named}
    yield least
    for name, values in fields.items():
        for value in values:
            yield {**least, name: value}
    yield {**{name: values[0] for name, values in fields.items() if values}, **least}
    for value in more:
        yield {**least, "a": value}
    for length in _lengths(known)[:MAX_FIELD_SAMPLES] if more else ():
        yield {**least, **{f"a{number}": more[0] for number in range(min(length, 100))}}

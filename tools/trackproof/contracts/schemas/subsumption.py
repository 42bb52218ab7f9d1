"""Schema subsumption: whether every value of one JSON Schema is valid under another.

Supports the keywords that the contracts use. Unconstrained values (`{}`, undeclared fields of an
open object) match every schema unless the source comes from `for_sender`. Constraints that cannot
be compared are reported as undecided. Both schemas must be without references, see
`inline_references`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from trackproof.contracts.bundle import Schema
from trackproof.contracts.schemas.descriptions import describe, format_value, kinds_of
from trackproof.contracts.schemas.normal_forms import ANNOTATIONS, ANYTHING, GROUPS, choices

MAX_LISTED_INTEGERS = 256

_COMPARED = {"type", "const", "enum", *GROUPS}
_COMPARED_FOR = {
    "object": {"properties", "required", "additionalProperties", "minProperties", "maxProperties"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
_NOT_COMPARED_FOR = {
    "object": {
        "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas",
        "unevaluatedProperties",
    },
    "array": {"prefixItems", "contains", "minContains", "maxContains", "unevaluatedItems"},
}  # fmt: skip
_MATCHES_ALL = {"", "^", "$", ".*", "^.*", "^.*$"}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A way in which a value of the source schema may violate the target schema."""

    path: str
    """Location in the value: `[].start` is the field `start` of an item; empty for the root."""
    reason: str
    undecided: bool = False

    def __str__(self) -> str:
        text = f"undecided whether {self.reason}" if self.undecided else self.reason
        return f"at {self.path}: {text}" if self.path else text


def mismatches(source: Any, target: Any, path: str = "") -> list[Mismatch]:
    """Return how values of `source` may violate `target`; empty if all of them are valid."""
    result: dict[Mismatch, None] = {}
    for choice in choices(source):
        result |= dict.fromkeys(_choice_mismatches(choice, target, path))
    return list(result)


def _choice_mismatches(choice: Schema, target: Any, path: str) -> list[Mismatch]:
    if not choice or target is True:
        return []
    if target is False:
        return [Mismatch(path, "no value is expected")]
    if choice.get("type") == ANYTHING:
        return [] if target.keys() <= ANNOTATIONS else [_wrong_type(choice, target, path)]
    if "const" in choice:
        return _constant_mismatches(choice["const"], target, path)
    result = _plain_mismatches(choice, target, path)
    for member in target.get("allOf", ()):
        result += _choice_mismatches(choice, member, path)
    for group in ("anyOf", "oneOf"):
        if group in target:
            result += _group_mismatches(choice, target[group], path, exclusive=group == "oneOf")
    return result


def _constant_mismatches(value: Any, target: Any, path: str) -> list[Mismatch]:
    error = next(jsonschema_rs.Draft202012Validator(target).iter_errors(value), None)
    if error is None:
        return []
    within = "".join(f"[{part}]" if isinstance(part, int) else f".{part}"
                     for part in error.instance_path)  # fmt: skip
    pointer = f"{path}{within}".removeprefix(".")
    if value is None:
        return [Mismatch(pointer, f"it may be null, but {describe(target)} is expected")]
    return [Mismatch(pointer, f"it may be {format_value(value)}: {error.message[:200]}")]


def _group_mismatches(
    choice: Schema, members: list[Any], path: str, *, exclusive: bool
) -> list[Mismatch]:
    candidates = [member for member in members if _may_take(member, choice)]
    if not candidates:
        return [_wrong_type(choice, {"anyOf": members}, path)]
    results = [_choice_mismatches(choice, member, path) for member in candidates]
    if exclusive and len(candidates) > 1:
        return [Mismatch(path, "it matches only one alternative", undecided=True)]
    if any(not result for result in results):
        return []
    if len(results) == 1:
        return results[0]
    return [Mismatch(path, "the alternatives together accept every value", undecided=True)]


def _may_take(member: Any, choice: Schema) -> bool:
    if not isinstance(member, dict):
        return bool(member)
    inner = [part for group in ("anyOf", "oneOf") for part in member.get(group, ())]
    return _admits(member, choice) and (not inner or any(_may_take(part, choice) for part in inner))


def _plain_mismatches(choice: Schema, target: Schema, path: str) -> list[Mismatch]:
    if not _admits(target, choice):
        return [_wrong_type(choice, target, path)]
    if "const" in target or "enum" in target:
        return _listed_mismatches(choice, target, path)
    match choice["type"]:
        case "object":
            result = _object_mismatches(choice, target, path)
        case "array":
            result = _array_mismatches(choice, target, path)
        case "string":
            result = list(_string_mismatches(choice, target, path))
        case _:
            result = list(_number_mismatches(choice, target, path))
    return [*result, *_not_compared(choice, target, path)]


def _admits(target: Schema, choice: Schema) -> bool:
    kinds = kinds_of(target)
    kind = choice["type"]
    whole = kind == "number" and _is_whole(choice.get("multipleOf"))
    return (
        not kinds
        or kind in kinds
        or (kind == "integer" and "number" in kinds)
        or (whole and "integer" in kinds)
    )


def _is_whole(number: Any) -> bool:
    return number is not None and float(number).is_integer()


def _wrong_type(choice: Schema, target: Schema, path: str) -> Mismatch:
    return Mismatch(path, f"it is {describe(choice)}, but {describe(target)} is expected")


def _listed_mismatches(choice: Schema, target: Schema, path: str) -> list[Mismatch]:
    allowed = [target["const"]] if "const" in target else target["enum"]
    low, high = _lowest(choice)[0], _highest(choice)[0]
    if choice["type"] == "integer" and high - low < MAX_LISTED_INTEGERS:
        possible = [
            number
            for number in range(math.ceil(low), math.floor(high) + 1)
            if not _constant_mismatches(number, choice, path)
        ]
        return [
            Mismatch(path, f"it may be {number}, but {describe(target)} is expected")
            for number in possible
            if number not in allowed
        ][:1]
    return [Mismatch(path, f"it is any {choice['type']}, but {describe(target)} is expected")]


def _object_mismatches(choice: Schema, target: Schema, path: str) -> list[Mismatch]:
    has: Mapping[str, Any] = choice.get("properties", {})
    rest = choice.get("additionalProperties", True)
    wants: Mapping[str, Any] = target.get("properties", {})
    others = target.get("additionalProperties", True)
    opaque = not has and rest is True
    result: list[Mismatch] = []
    for name in target.get("required", ()):
        if name in choice.get("required", ()) or opaque:
            continue
        state = "may be missing" if name in has or isinstance(rest, dict) else "is missing"
        result.append(Mismatch(path, f"its required field {name} {state}"))
    for name, schema in has.items():
        result += mismatches(schema, wants.get(name, others), f"{path}.{name}".removeprefix("."))
    if isinstance(rest, dict) and rest:
        unnamed = [schema for name, schema in wants.items() if name not in has]
        for schema in [*unnamed, others]:
            result += mismatches(rest, schema, f"{path}.*".removeprefix("."))
    least = max(choice.get("minProperties", 0), len(choice.get("required", ())))
    most = choice.get("maxProperties", len(has) if rest is False else math.inf)
    if not opaque:
        result += _count_mismatches(least, most, target, "Properties", "fields", path)
    return result


def _array_mismatches(choice: Schema, target: Schema, path: str) -> list[Mismatch]:
    least, most = choice.get("minItems", 0), choice.get("maxItems", math.inf)
    result = _count_mismatches(least, most, target, "Items", "items", path)
    if most > 0:
        result += mismatches(choice.get("items", True), target.get("items", True), f"{path}[]")
    if target.get("uniqueItems") and not choice.get("uniqueItems") and most > 1:
        result.append(Mismatch(path, "it may have duplicate items"))
    return result


def _count_mismatches(
    least: float, most: float, target: Schema, keyword: str, noun: str, path: str
) -> list[Mismatch]:
    floor, ceiling = target.get(f"min{keyword}", 0), target.get(f"max{keyword}", math.inf)
    result = []
    if least < floor:
        result.append(
            Mismatch(path, f"it may have {least} {noun}, but at least {floor} are expected")
        )
    if most > ceiling:
        many = "any number of" if most == math.inf else most
        result.append(
            Mismatch(path, f"it may have {many} {noun}, but at most {ceiling} are expected")
        )
    return result


def _string_mismatches(choice: Schema, target: Schema, path: str) -> Iterator[Mismatch]:
    pattern, wanted = choice.get("pattern"), target.get("pattern")
    floor, ceiling = target.get("minLength", 0), target.get("maxLength", math.inf)
    least, most = choice.get("minLength", 0), choice.get("maxLength", math.inf)
    if pattern is not None and least == 0 and not re.search(pattern, ""):
        least = 1
    if least < floor:
        reason = f"its length may be {least}, but at least {floor} is expected"
        if pattern is None:
            yield Mismatch(path, reason)
        else:
            yield Mismatch(path, f"{pattern} implies at least {floor} characters", undecided=True)
    if most > ceiling:
        if pattern is None:
            length = "unlimited" if most == math.inf else f"{most}"
            yield Mismatch(path, f"its length may be {length}, but at most {ceiling} is expected")
        else:
            yield Mismatch(path, f"{pattern} implies at most {ceiling} characters", undecided=True)
    if wanted is not None and wanted not in _MATCHES_ALL and wanted != pattern:
        if pattern is None:
            yield Mismatch(path, f"it may be any string, but {wanted} is expected to match")
        else:
            reason = f"every match of {pattern} matches {wanted}"
            yield Mismatch(path, reason, undecided=True)


def _number_mismatches(choice: Schema, target: Schema, path: str) -> Iterator[Mismatch]:
    low, floor = _lowest(choice), _lowest(target)
    high, ceiling = _highest(choice), _highest(target)
    if low[0] < floor[0] or (low[0] == floor[0] and floor[1] and not low[1]):
        least = "any number down" if low[0] == -math.inf else f"{low[0]}"
        more = "more than" if floor[1] else "at least"
        yield Mismatch(path, f"it may be {least}, but {more} {floor[0]} is expected")
    if high[0] > ceiling[0] or (high[0] == ceiling[0] and ceiling[1] and not high[1]):
        most = "any number up" if high[0] == math.inf else f"{high[0]}"
        less = "less than" if ceiling[1] else "at most"
        yield Mismatch(path, f"it may be {most}, but {less} {ceiling[0]} is expected")
    step = target.get("multipleOf")
    if step is not None:
        own = choice.get("multipleOf", 1 if choice["type"] == "integer" else None)
        if own is None or own % step:
            yield Mismatch(path, f"it may not be a multiple of {step}")


def _lowest(schema: Schema) -> tuple[float, bool]:
    """Return the lower bound, and whether it is exclusive."""
    return max(
        (schema.get("minimum", -math.inf), False), (schema.get("exclusiveMinimum", -math.inf), True)
    )


def _highest(schema: Schema) -> tuple[float, bool]:
    bounds = [
        (schema.get("maximum", math.inf), False),
        (schema.get("exclusiveMaximum", math.inf), True),
    ]
    return min(bounds, key=lambda bound: (bound[0], not bound[1]))


def _not_compared(choice: Schema, target: Schema, path: str) -> list[Mismatch]:
    kind = "number" if choice["type"] == "integer" else choice["type"]
    settled = ANNOTATIONS | _COMPARED
    for keywords in (*_COMPARED_FOR.values(), *_NOT_COMPARED_FOR.values()):
        settled = settled | keywords
    open_keywords = {key for key in target if key not in settled}
    open_keywords |= _NOT_COMPARED_FOR.get(kind, set()) & set(target)
    return [
        Mismatch(path, f"it satisfies {keyword}", undecided=True)
        for keyword in sorted(open_keywords)
        if choice.get(keyword) != target[keyword]
    ]

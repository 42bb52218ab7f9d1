"""Conductor's expressions, `${task.output.field}`, and the schema that their JSONPath selects."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trackproof.contracts.schemas.descriptions import describe
from trackproof.contracts.schemas.normal_forms import choices, nullable, union
from trackproof.contracts.yaml_files import json_pointer

EXPRESSION = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_NAME = r"[A-Za-z_][\w-]*"
_STEP = re.compile(
    rf"\.\.(?P<deep>{_NAME})|(?P<every>\.\*|\[\*\])|\.(?P<name>{_NAME})"
    r"|\[(?P<index>\d+)\]|\['(?P<quoted>[^']+)'\]"
)


class UnresolvedError(Exception):
    """An expression has no value."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True, slots=True)
class PathStep:
    """A step of a path: `..value`, `[*]`, `.value` or `[value]`."""

    kind: Literal["deep", "every", "name", "index"]
    value: str = ""


@dataclass(frozen=True, slots=True)
class _Match:
    schema: Any
    least: float
    most: float


def expressions(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield every expression below `value`, with its pointer."""
    if isinstance(value, str):
        yield from ((pointer, text) for text in EXPRESSION.findall(value))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from expressions(part, pointer + json_pointer([name]))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from expressions(part, f"{pointer}/{index}")


def parse_path(path: str) -> list[PathStep]:
    """Parse a path such as `.topics[0].title` or `..padded_url`.

    Raises:
        UnresolvedError: The syntax is not supported.
    """
    steps, at = [], 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise UnresolvedError(
                f"{path[at:]!r} is not a valid path",
                "write .name, ['name'], [0], [*] or ..name",
            )
        if match["every"]:
            steps.append(PathStep("every"))
        elif match["deep"]:
            steps.append(PathStep("deep", match["deep"]))
        elif match["index"]:
            steps.append(PathStep("index", match["index"]))
        else:
            steps.append(PathStep("name", match["name"] or match["quoted"]))
        at = match.end()
    return steps


def select(schema: Any, steps: Iterable[PathStep], owner: str) -> Any:
    """Return the schema of the value that a path selects.

    Follows Conductor's JSONPath: a missing value is null, or absent from the list of a path that
    may match more than once.

    Args:
        schema: The schema of the value the path is applied to.
        steps: The path.
        owner: The name of that value in error messages.

    Raises:
        UnresolvedError: The path matches in no value of `schema`.
    """
    matches, many = [_Match(schema, 1, 1)], False
    for step in steps:
        matches = [after for match in matches for after in _apply_step(match, step)]
        many = many or step.kind in ("every", "deep")
        if not matches:
            raise _unresolved_error(schema, step, owner)
        owner = f"{owner}{_format_step(step)}"
        schema = union(match.schema for match in matches)
    if not many:
        return schema if matches[0].least else nullable(schema)
    most = sum(match.most for match in matches)
    least = sum(match.least for match in matches)
    bounds = {"minItems": least} | ({} if most == math.inf else {"maxItems": most})
    return {"type": "array", "items": schema, **bounds}


def suggestion(name: str, known: Iterable[str], noun: str) -> str:
    """Return a hint for a `name` that is not in `known`."""
    names = sorted(known)
    if near := difflib.get_close_matches(name, names, n=1):
        return f"did you mean {near[0]!r}?"
    return f"known {noun}: {', '.join(names)}" if names else f"there are no {noun}"


def _format_step(step: PathStep) -> str:
    match step.kind:
        case "deep":
            return f"..{step.value}"
        case "every":
            return "[*]"
        case "index":
            return f"[{step.value}]"
        case _:
            return f".{step.value}"


def _apply_step(match: _Match, step: PathStep) -> list[_Match]:
    match step.kind:
        case "deep":
            return list(_descendants(match, step.value))
        case "every":
            return list(_all_children(match))
        case "index":
            options = [_item(choice, int(step.value)) for choice in choices(match.schema)]
        case _:
            options = [_field(choice, step.value) for choice in choices(match.schema)]
    matching = [option for option in options if option is not None]
    if not matching:
        return []
    certain = len(matching) == len(options) and all(present for _, present in matching)
    return [_Match(union(schema for schema, _ in matching), match.least * certain, match.most)]


def _field(choice: Mapping[str, Any], name: str) -> tuple[Any, bool] | None:
    """Return the schema of a field, and whether the field is always present."""
    if isinstance(constant := choice.get("const"), dict):
        return ({"const": constant[name]}, True) if name in constant else None
    if not choice:
        return {}, True
    if choice.get("type") != "object":
        return None
    fields = choice.get("properties", {})
    if name in fields:
        return fields[name], name in choice.get("required", ())
    rest = choice.get("additionalProperties", True)
    if isinstance(rest, dict):
        return rest, False
    return ({}, True) if rest and not fields else None


def _item(choice: Mapping[str, Any], index: int) -> tuple[Any, bool] | None:
    if isinstance(constant := choice.get("const"), list):
        return ({"const": constant[index]}, True) if index < len(constant) else None
    if not choice:
        return {}, True
    if choice.get("type") != "array" or index >= choice.get("maxItems", math.inf):
        return None
    return choice.get("items", {}), index < choice.get("minItems", 0)


def _all_children(match: _Match) -> Iterator[_Match]:
    options = list(choices(match.schema))
    for choice in options:
        certain = len(options) == 1
        for part in _children(choice):
            yield _Match(
                part.schema, match.least * part.least * certain, _multiply(match.most, part.most)
            )


def _multiply(many: float, more: float) -> float:
    return 0 if 0 in (many, more) else many * more


def _children(choice: Mapping[str, Any]) -> Iterator[_Match]:
    """Yield the direct children of an alternative, with their minimum and maximum number."""
    constant = choice.get("const")
    if isinstance(constant, dict | list):
        values = constant.values() if isinstance(constant, dict) else constant
        yield from (_Match({"const": value}, 1, 1) for value in values)
    elif choice.get("type") == "array":
        yield _Match(
            choice.get("items", {}), choice.get("minItems", 0), choice.get("maxItems", math.inf)
        )
    elif choice.get("type") == "object":
        fields = choice.get("properties", {})
        for name, schema in fields.items():
            yield _Match(schema, int(name in choice.get("required", ())), 1)
        if isinstance(rest := choice.get("additionalProperties"), dict):
            least = max(0, choice.get("minProperties", 0) - len(fields))
            yield _Match(rest, least, choice.get("maxProperties", math.inf))


def _descendants(match: _Match, name: str) -> Iterator[_Match]:
    for choice in choices(match.schema):
        fields = choice.get("properties", {})
        if choice.get("type") == "object" and name in fields:
            least = match.least * (name in choice.get("required", ()))
            yield _Match(fields[name], least, match.most)
    for part in _all_children(match):
        yield from _descendants(part, name)


def _unresolved_error(schema: Any, step: PathStep, owner: str) -> UnresolvedError:
    objects = [choice for choice in choices(schema) if choice.get("type") == "object"]
    known = {name for choice in objects for name in choice.get("properties", {})}
    if step.kind == "name" and objects:
        return UnresolvedError(
            f"{owner} has no field {step.value!r}", suggestion(step.value, known, "fields")
        )
    if step.kind == "deep":
        below = set(_names_below(schema))
        return UnresolvedError(
            f"no value below {owner} has a field {step.value!r}",
            suggestion(step.value, below, "fields"),
        )
    return UnresolvedError(
        f"{owner} is {describe(schema)}; {_format_step(step)} matches nothing in it",
        "remove the step or correct the schema",
    )


def _names_below(schema: Any) -> Iterator[str]:
    for choice in choices(schema):
        yield from choice.get("properties", {})
    for part in _all_children(_Match(schema, 1, 1)):
        yield from _names_below(part.schema)

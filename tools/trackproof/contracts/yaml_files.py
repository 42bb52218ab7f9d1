"""Read one contract file as data, trusting nothing in it.

Aliases are refused: no contract needs them, and a handful of nested ones unfolds into
gigabytes. So is nesting without end, on which the parser takes minutes, and a key that stands
twice in one pointer, of which a parser drops all but the last. References are followed inside the
contracts folder only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from trackproof.contracts.errors import ContractFileError

MAX_BYTES = 1_000_000
MAX_DEPTH = 100

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_JSON_SCHEMA = jsonschema_rs.Draft202012Validator(
    # The dialect ignores what it does not know; here that is a typo.
    {"$id": "urn:strict", "$dynamicAnchor": "meta", "$ref": _DRAFT, "unevaluatedProperties": False}
)


def read_data(path: Path) -> Any:
    """Return what a YAML or JSON file holds.

    Raises:
        ContractFileError: It is missing, too large, no text, no YAML, uses an alias, or says a
            key twice.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ContractFileError(path, "", "it is larger than 1 MB", "cut the file down")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "put the file back, or correct the name"
        raise ContractFileError(path, "", f"it cannot be read: {error.strerror}", hint) from error
    except UnicodeDecodeError as error:
        raise ContractFileError(path, "", "it is no UTF-8 text", "save it as UTF-8") from error
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=_unique_keys)
        _reject_bombs(path, text)
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        pointer = f" in line {where.line + 1}, column {where.column + 1}" if where else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise ContractFileError(
            path, "", f"it cannot be parsed{pointer}: {problem}", "correct the syntax there"
        ) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"the key {key!r} stands twice")
        mapping[key] = value
    return mapping


# libyaml where PyYAML has it, as its wheels do: every process of a fleet reads the contracts.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # which of the two is known when it runs
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                what = f"the key {key.value!r} stands twice"
                raise yaml.constructor.ConstructorError(problem=what, problem_mark=key.start_mark)
            seen.add(key.value)
        built: dict[Any, Any] = super().construct_mapping(node, deep)
        return built


def _reject_bombs(path: Path, text: str) -> None:
    """Look at the events of a text before anything is built of it.

    Raises:
        ContractFileError: It uses an alias, or is nested so deep that reading takes minutes.
    """
    depth = 0
    for event in yaml.parse(text, _SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ContractFileError(path, "", "it uses a YAML alias (*name)", "write it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            what = f"it is nested more than {MAX_DEPTH} levels deep"
            raise ContractFileError(path, "", what, "flatten it")


def check_shape(path: Path, data: Any, schema: Any) -> None:
    """Hold a file's content against the schema of its kind.

    Raises:
        ContractFileError: The first breach, with its pointer.
    """
    error = next(jsonschema_rs.Draft202012Validator(schema).iter_errors(data), None)
    if error is not None:
        raise ContractFileError(
            path,
            json_pointer(error.instance_path),
            error.message[:300],
            "compare with the other files of its kind and contracts/meta",
        )


def check_schema(path: Path, pointer: str, schema: Any) -> None:
    """Make sure that `schema` is a valid JSON Schema that refers to nothing outside the folder.

    Raises:
        ContractFileError: It is not, or it refers to a remote place (never fetched).
    """
    for where, reference in references(schema, pointer):
        if not reference.startswith("#") and not reference.startswith("../shapes.yaml#"):
            raise ContractFileError(
                path,
                where,
                f"it refers to {reference!r}, which is never fetched",
                'refer to "#/$defs/…" or "../shapes.yaml#/$defs/…"',
            )
    errors = list(_JSON_SCHEMA.iter_errors(schema))
    if errors:
        # The faults around the innermost one follow from it.
        error = max(errors, key=lambda error: len(error.instance_path))
        raise ContractFileError(
            path,
            pointer + json_pointer(error.instance_path),
            f"it is no JSON Schema 2020-12: {_reason(error)}",
            "correct the schema",
        )
    for where, name in _undescribed_fields(schema, pointer):
        hint = "correct the name, or describe it under properties"
        raise ContractFileError(path, where, f"{name!r} is required, but not described", hint)


def _reason(error: jsonschema_rs.ValidationError) -> str:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.UnevaluatedProperties):
        return f"it knows no keyword {', '.join(map(repr, error.kind.unexpected))}"
    return error.message[:200]


def _undescribed_fields(node: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield every required field that the properties beside it do not have, with its pointer."""
    if isinstance(node, dict):
        required, properties = node.get("required"), node.get("properties")
        if isinstance(required, list) and isinstance(properties, dict):
            yield from (
                (f"{pointer}/required/{index}", name)
                for index, name in enumerate(required)
                if name not in properties
            )
        for key, value in node.items():
            yield from _undescribed_fields(value, pointer + json_pointer([key]))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _undescribed_fields(value, f"{pointer}/{index}")


def references(node: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield every $ref below `node`, with its pointer."""
    if isinstance(node, dict):
        for key, value in node.items():
            below = pointer + json_pointer([key])
            if key == "$ref" and isinstance(value, str):
                yield below, value
            else:
                yield from references(value, below)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, f"{pointer}/{index}")


def json_pointer(path: list[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)

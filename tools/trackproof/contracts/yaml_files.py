"""Reading of untrusted YAML and JSON files, and validation of the schemas in them.

Rejected: aliases (nested ones expand to gigabytes), deep nesting (parsing takes minutes) and
duplicate keys (parsers keep only the last). References outside the contracts folder are not
followed.
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
    # The dialect ignores unknown keywords; here they are typos.
    {"$id": "urn:strict", "$dynamicAnchor": "meta", "$ref": _DRAFT, "unevaluatedProperties": False}
)


def read_data(path: Path) -> Any:
    """Parse a YAML or JSON file.

    Raises:
        ContractFileError: The file is missing, too large, not UTF-8, not parseable, or has
            aliases or duplicate keys.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ContractFileError(path, "", "the file is larger than 1 MB", "reduce the file")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        hint = "restore the file or correct the name"
        what = f"the file cannot be read: {error.strerror}"
        raise ContractFileError(path, "", what, hint) from error
    except UnicodeDecodeError as error:
        raise ContractFileError(path, "", "the file is not UTF-8", "save it as UTF-8") from error
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=_unique_keys)
        _reject_bombs(path, text)
        return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        position = f" in line {where.line + 1}, column {where.column + 1}" if where else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise ContractFileError(
            path, "", f"the file cannot be parsed{position}: {problem}", "correct the syntax"
        ) from error


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ValueError(f"duplicate key {key!r}")
        mapping[key] = value
    return mapping


# libyaml if PyYAML has it, as its wheels do: every process of a fleet loads the contracts.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # known at run time
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                what = f"duplicate key {key.value!r}"
                raise yaml.constructor.ConstructorError(problem=what, problem_mark=key.start_mark)
            seen.add(key.value)
        built: dict[Any, Any] = super().construct_mapping(node, deep)
        return built


def _reject_bombs(path: Path, text: str) -> None:
    """Check the parser's events before any object is built.

    Raises:
        ContractFileError: The text has an alias or is nested too deep.
    """
    depth = 0
    for event in yaml.parse(text, _SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            what = "YAML aliases (*name) are not allowed"
            raise ContractFileError(path, "", what, "repeat the value")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            what = f"the file is nested more than {MAX_DEPTH} levels deep"
            raise ContractFileError(path, "", what, "flatten it")


def check_data(path: Path, data: Any, schema: Any) -> None:
    """Validate the content of a file against the schema of its kind.

    Raises:
        ContractFileError: The first violation.
    """
    error = next(jsonschema_rs.Draft202012Validator(schema).iter_errors(data), None)
    if error is not None:
        raise ContractFileError(
            path,
            json_pointer(error.instance_path),
            error.message[:300],
            "compare the file with others of its kind and with its schema in the folder meta",
        )


def check_schema(path: Path, pointer: str, schema: Any) -> None:
    """Check that `schema` is a valid JSON Schema without external references.

    Raises:
        ContractFileError: The schema is invalid, has an external reference, or requires an
            undescribed field.
    """
    for where, reference in references(schema, pointer):
        if not reference.startswith("#") and not reference.startswith("../shapes.yaml#"):
            raise ContractFileError(
                path,
                where,
                f"the external reference {reference!r} is not allowed",
                'refer to "#/$defs/…" or "../shapes.yaml#/$defs/…"',
            )
    errors = list(_JSON_SCHEMA.iter_errors(schema))
    if errors:
        # Errors of the enclosing schemas follow from the innermost one.
        error = max(errors, key=lambda error: len(error.instance_path))
        raise ContractFileError(
            path,
            pointer + json_pointer(error.instance_path),
            f"not a JSON Schema 2020-12: {_reason(error)}",
            "correct the schema",
        )
    for where, name in _undescribed_fields(schema, pointer):
        hint = "correct the name or add it to properties"
        raise ContractFileError(path, where, f"{name!r} is required but not in properties", hint)


def _reason(error: jsonschema_rs.ValidationError) -> str:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.UnevaluatedProperties):
        return f"unknown keyword {', '.join(map(repr, error.kind.unexpected))}"
    return error.message[:200]


def _undescribed_fields(node: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Yield every required field without a property, with its pointer."""
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

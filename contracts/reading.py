"""Read one contract file as data, trusting nothing in it.

Aliases are refused: no contract needs them, and a handful of nested ones unfolds into
gigabytes. So is nesting without end, on which the parser takes minutes. References are followed
inside the contracts folder only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from contracts.errors import ContractFileError

MAX_BYTES = 1_000_000
MAX_DEPTH = 100


def read_data(path: Path) -> Any:
    """Return what a YAML or JSON file holds.

    Raises:
        ContractFileError: It is missing, too large, no text, no YAML, or uses an alias.
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
            return json.loads(text)
        _refuse_bombs(path, text)
        return yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        where = getattr(error, "problem_mark", None)
        place = f" in line {where.line + 1}, column {where.column + 1}" if where else ""
        problem = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise ContractFileError(
            path, "", f"it cannot be parsed{place}: {problem}", "correct the syntax there"
        ) from error


def _refuse_bombs(path: Path, text: str) -> None:
    """Look at the events of a text before anything is built of it.

    Raises:
        ContractFileError: It uses an alias, or is nested so deep that reading takes minutes.
    """
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
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
            pointer(error.instance_path),
            error.message[:300],
            "compare with the other files of its kind and contracts/meta",
        )


def check_schema(path: Path, place: str, schema: Any) -> None:
    """Make sure that `schema` is a valid JSON Schema that refers to nothing outside the folder.

    Raises:
        ContractFileError: It is not, or it refers to a remote place (never fetched).
    """
    for where, reference in references(schema, place):
        if not reference.startswith("#") and not reference.startswith("../shapes.yaml#"):
            raise ContractFileError(
                path,
                where,
                f"it refers to {reference!r}, which is never fetched",
                'refer to "#/$defs/…" or "../shapes.yaml#/$defs/…"',
            )
    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        raise ContractFileError(
            path,
            place + pointer(error.instance_path),
            f"it is no JSON Schema 2020-12: {error.message[:200]}",
            "correct the schema",
        ) from error


def references(node: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield every $ref below `node`, with its pointer."""
    if isinstance(node, dict):
        for key, value in node.items():
            below = f"{place}/{key}"
            if key == "$ref" and isinstance(value, str):
                yield below, value
            else:
                yield from references(value, below)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, f"{place}/{index}")


def pointer(path: list[str | int]) -> str:
    """Return a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)

"""The contracts as one JSON document: the content of a release and the input of the comparison.

It has everything fleets and consumers depend on, with self-contained schemas and explicit
Conductor defaults. It is canonical JSON (RFC 8785), so any language can reproduce its bytes and
hash; `trackproof contracts diff` shows changes in readable form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import rfc8785

from trackproof.contracts.compat.changes import canonical
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.events_and_services import check_service
from trackproof.contracts.load import ROOT, TaskContract, load_contracts, with_dialect
from trackproof.contracts.parts import Clause, ProductPart
from trackproof.contracts.yaml_files import check_data, check_schema, read_data, references

Release = Mapping[str, Any]

VERSION_FILE = "version.yaml"
_INFERRED = ("name", "description", "inputKeys", "outputKeys", "inputSchema", "outputSchema")
"""Fields of a task definition that repeat other parts of the document."""


def working_release(root: Path = ROOT) -> Release:
    """Return the contracts of the folder `root` as a release document.

    Raises:
        ContractFileError: A file is missing, damaged or does not match its schema.
    """
    contracts = load_contracts(root)
    release = {
        # New fields of Contracts become sections without a change here.
        **{field.name: getattr(contracts, field.name) for field in fields(contracts)},
        "version": working_version(root),
        "tasks": {name: _task(task) for name, task in contracts.tasks.items()},
        "pipeline_clauses": _clauses(contracts.pipeline_clauses),
        "parts": {name: _part(part) for name, part in contracts.parts.items()},
        "events": {name: with_dialect(schema) for name, schema in contracts.events.items()},
        "meeting_rows": with_dialect(contracts.meeting_rows),
        "workflow_input": with_dialect(contracts.workflow_input),
        "fork_inputs": read_data(root / "fork_inputs.yaml"),
    }
    del release["root"]
    return _checked(root, _to_json(release))


def working_version(root: Path = ROOT) -> str:
    """Return the version in version.yaml.

    Raises:
        ContractFileError: The file is missing or has no valid version.
    """
    path = root / VERSION_FILE
    data = read_data(path)
    version = _kind()["$defs"]["version"]
    check_data(path, data, {"type": "object", "required": ["version"],
                             "properties": {"version": version}})  # fmt: skip
    return str(data["version"])


def read_release(path: Path) -> Release:
    """Read and validate a release document.

    Raises:
        ContractFileError: The file is missing, not JSON or not a release document.
    """
    return _checked(path, read_data(path))


def _checked(path: Path, data: Any) -> Release:
    check_data(path, data, _kind())
    try:
        canonical(data)
    except rfc8785.CanonicalizationError as error:
        hint = "use numbers and strings that RFC 8785 allows"
        what = f"the document has no canonical JSON form: {error}"
        raise ContractFileError(path, "", what, hint) from error
    release: Release = data
    for name, task in release["tasks"].items():
        for side in ("input", "output"):
            _check_schema(path, f"/tasks/{name}/{side}", task[side])
    _check_schema(path, "/workflow_input", release["workflow_input"])
    _check_schema(path, "/meeting_rows", release.get("meeting_rows", {}))
    for name, schema in release.get("events", {}).items():
        _check_schema(path, f"/events/{name}", schema)
    for name, service in release.get("services", {}).items():
        check_service(path, f"/services/{name}", service)
    return release


def _check_schema(path: Path, pointer: str, schema: Any) -> None:
    check_schema(path, pointer, schema)
    for where, reference in references(schema, pointer):
        name = reference.removeprefix("#/$defs/")
        if name not in schema.get("$defs", {}):
            hint = 'refer to "#/$defs/<name>" of the same schema'
            raise ContractFileError(path, where, f"{reference!r} does not exist", hint)


@cache
def _kind() -> dict[str, Any]:
    kind: dict[str, Any] = read_data(ROOT / "meta" / "release.schema.yaml")
    task = read_data(ROOT / "meta" / "task.schema.yaml")
    parts = {name: task["properties"][name] for name in ("effects", "errors", "idempotency")}
    return {**kind, "$defs": {**kind["$defs"], **task["$defs"], **parts}}


def _task(task: TaskContract) -> dict[str, Any]:
    definition = {
        key: value for key, value in task.task_definition().items() if key not in _INFERRED
    }
    parts = {field.name: getattr(task, field.name) for field in fields(task)}
    del parts["name"]
    del parts["judged_by"]  # about the suite: neither fleets nor consumers depend on it
    schemas = {side: with_dialect(parts[side]) for side in ("input", "output")}
    return {**parts, **schemas, "definition": definition, "clauses": _clauses(task.clauses)}


def _part(part: ProductPart) -> dict[str, Any]:
    return {
        "summary": part.summary,
        "constants": part.constants,
        "notes": part.notes,
        "clauses": _clauses(part.clauses),
    }


def _clauses(clauses: Iterable[Clause]) -> dict[str, Any]:
    return {
        clause.id: {"text": clause.text, "seed": clause.seed, "severity": clause.severity}
        for clause in clauses
    }


def _to_json(data: Any) -> Any:
    match data:
        case Mapping():
            return {str(key): _to_json(value) for key, value in data.items()}
        case list() | tuple():
            return [_to_json(item) for item in data]
        case _ if is_dataclass(data):
            return {field.name: _to_json(getattr(data, field.name)) for field in fields(data)}
        case _:
            return data

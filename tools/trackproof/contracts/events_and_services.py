"""The event dictionary and the OpenAPI documents of the outside services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackproof.contracts.bundle import Schema, bundle_schema
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.yaml_files import (
    check_data,
    check_schema,
    json_pointer,
    read_data,
    references,
)

EVENTS = "events"
SERVICES = "services"
SUFFIX = ".openapi.yaml"
METHODS = frozenset({"get", "put", "post", "patch", "delete", "head", "options", "trace"})


@dataclass(frozen=True, slots=True)
class EventFile:
    """An event of the dictionary."""

    name: str
    emitted_by_every_task: bool
    """Otherwise by the tasks that list it in their effects."""
    data: Schema
    """Self-contained; its description is the event's summary."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of an outside service, or a webhook."""

    id: str
    pointer: str
    """JSON pointer into the service's file."""
    method: str
    path: str
    """Path template, or the name of the webhook."""
    summary: str


def read_events(root: Path, meta: Path, shapes: Mapping[str, Schema]) -> tuple[EventFile, ...]:
    """Read the event dictionary of a contracts folder, ordered by name.

    Raises:
        ContractFileError: A file is damaged or does not match its schema.
    """
    kind = read_data(meta / "event.schema.yaml")
    return tuple(_event(path, kind, shapes) for path in sorted((root / EVENTS).glob("*.yaml")))


def _event(path: Path, kind: Schema, shapes: Mapping[str, Schema]) -> EventFile:
    data = read_data(path)
    check_data(path, data, kind)
    check_schema(path, "/data", data["data"])
    if data["event"] != path.stem.upper():
        hint = "name the file after the event, in lower case"
        what = f"the event {data['event']!r} does not match the file name"
        raise ContractFileError(path, "/event", what, hint)
    return EventFile(
        name=data["event"],
        emitted_by_every_task=data["told_by"] == "every task",
        data=bundle_schema({"description": data["summary"], **data["data"]}, shapes),
    )


def read_services(root: Path, meta: Path) -> dict[str, Schema]:
    """Read the OpenAPI document of each outside service, by service name.

    Raises:
        ContractFileError: A file is damaged, not OpenAPI 3.1, or has an external reference.
    """
    kind = read_data(meta / "service.schema.yaml")
    services = {}
    for path in sorted((root / SERVICES).glob(f"*{SUFFIX}")):
        data = read_data(path)
        check_data(path, data, kind)
        check_service(path, "", data)
        services[path.name.removesuffix(SUFFIX)] = data
    return services


def check_service(path: Path, pointer: str, service: Any) -> None:
    """Check that an OpenAPI document has valid schemas and refers only to its own components.

    Raises:
        ContractFileError: A schema is invalid or a reference leads elsewhere.
    """
    components = service.get("components", {})
    for where, reference in references(service, pointer):
        if not reference.startswith("#/components/"):
            hint = 'refer to "#/components/…" of the same file'
            what = f"the external reference {reference!r} is not allowed"
            raise ContractFileError(path, where, what, hint)
        parts = reference.removeprefix("#/components/").split("/")
        if len(parts) != 2 or parts[1] not in (components.get(parts[0]) or {}):
            hint = 'refer to "#/components/<kind>/<name>" of the same file'
            raise ContractFileError(path, where, f"{reference!r} does not exist", hint)
    for where, schema in _schemas_within(service, pointer):
        check_schema(path, where, schema)


def _schemas_within(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """Yield every JSON Schema of an OpenAPI document."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _schemas_within(item, f"{pointer}/{index}")
    elif isinstance(node, dict):
        for key, value in node.items():
            below = pointer + json_pointer([key])
            if key == "schema":
                yield below, value
            elif key == "schemas" and isinstance(value, dict):
                yield from ((f"{below}/{name}", schema) for name, schema in value.items())
            else:
                yield from _schemas_within(value, below)


def operations(service: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield every operation of an OpenAPI document that has an id."""
    for kind in ("paths", "webhooks"):
        for path, item in (service.get(kind) or {}).items():
            for method, operation in item.items():
                if method in METHODS and "operationId" in operation:
                    yield Operation(
                        id=operation["operationId"],
                        pointer=json_pointer([kind, path, method, "operationId"]),
                        method=method.upper(),
                        path=path,
                        summary=operation.get("summary", ""),
                    )

"""Read what fleets tell and whom they call: the event dictionary and the outside services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackproof.contracts.bundle import Schema, bundle_schema
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.yaml_files import (
    check_schema,
    check_shape,
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
    """One event of the dictionary."""

    name: str
    emitted_by_every_task: bool
    """Else by the tasks that name it among their effects."""
    data: Schema
    """Stands alone; its description is the event's summary."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One call to an outside service, or one webhook."""

    id: str
    pointer: str
    """JSON pointer into the service's file."""
    method: str
    path: str
    """Path template, or the webhook's name."""
    summary: str


def read_events(root: Path, meta: Path, shapes: Mapping[str, Schema]) -> tuple[EventFile, ...]:
    """Return the event dictionary of a contracts folder, by name.

    Raises:
        ContractFileError: A file is damaged or not of its kind's shape.
    """
    kind = read_data(meta / "event.schema.yaml")
    return tuple(_event(path, kind, shapes) for path in sorted((root / EVENTS).glob("*.yaml")))


def _event(path: Path, kind: Schema, shapes: Mapping[str, Schema]) -> EventFile:
    data = read_data(path)
    check_shape(path, data, kind)
    check_schema(path, "/data", data["data"])
    if data["event"] != path.stem.upper():
        hint = "give file and event one name, the file's in lower case"
        raise ContractFileError(path, "/event", f"it names the event {data['event']!r}", hint)
    return EventFile(
        name=data["event"],
        emitted_by_every_task=data["told_by"] == "every task",
        data=bundle_schema({"description": data["summary"], **data["data"]}, shapes),
    )


def read_services(root: Path, meta: Path) -> dict[str, Schema]:
    """Return each outside service's OpenAPI document, by name.

    Raises:
        ContractFileError: A file is damaged, no OpenAPI 3.1, or refers to another pointer.
    """
    kind = read_data(meta / "service.schema.yaml")
    services = {}
    for path in sorted((root / SERVICES).glob(f"*{SUFFIX}")):
        data = read_data(path)
        check_shape(path, data, kind)
        check_service(path, "", data)
        services[path.name.removesuffix(SUFFIX)] = data
    return services


def check_service(path: Path, pointer: str, service: Any) -> None:
    """Make sure that a document refers to its own components only, and that its schemas are ones.

    Raises:
        ContractFileError: It does not; nothing is ever fetched.
    """
    components = service.get("components", {})
    for where, reference in references(service, pointer):
        if not reference.startswith("#/components/"):
            hint = 'refer to "#/components/…" of the same file'
            what = f"it refers to {reference!r}, which is never fetched"
            raise ContractFileError(path, where, what, hint)
        parts = reference.removeprefix("#/components/").split("/")
        if len(parts) != 2 or parts[1] not in (components.get(parts[0]) or {}):
            hint = 'refer to "#/components/<kind>/<name>" of the same file'
            raise ContractFileError(path, where, f"{reference!r} is not there", hint)
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

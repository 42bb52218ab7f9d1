"""Names: the workflow's own, clauses, and the events and operations that effects speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from contracts.errors import Finding
from contracts.load import WORKFLOW_NAME, Clause, Contracts
from contracts.reading import read_data, references
from contracts.wiring.graph import WORKFLOW_FILE
from contracts.wiring.paths import advice

_METHODS = {"get", "put", "post", "patch", "delete", "head", "options", "trace"}


def check_header(workflow: Mapping[str, Any]) -> Iterator[Finding]:
    """Check what Conductor asks of a workflow besides its tasks."""
    name, version = workflow.get("name"), workflow.get("version")
    if name != WORKFLOW_NAME:
        what = f"the workflow is named {name!r}, its file {WORKFLOW_NAME!r}"
        yield Finding(WORKFLOW_FILE, "/name", what, "give both one name")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        what = f"the version is {version!r}, but a whole number from 1 is expected"
        yield Finding(WORKFLOW_FILE, "/version", what, "count versions from 1")
    if not workflow.get("ownerEmail"):
        hint = "name an owner: Conductor 3.15.0 refuses a workflow without one"
        yield Finding(WORKFLOW_FILE, "/ownerEmail", "no ownerEmail is given", hint)
    if workflow.get("schemaVersion") != 2:
        what = f"schemaVersion is {workflow.get('schemaVersion')!r}, but 2 is expected"
        yield Finding(WORKFLOW_FILE, "/schemaVersion", what, "set it to 2")


def check_clauses(contracts: Contracts) -> Iterator[Finding]:
    """Check that clause ids are unique and begin with their task."""
    first: dict[str, str] = {}
    for file, owner, clauses in _clauses(contracts):
        for index, clause in enumerate(clauses):
            place = f"/clauses/{index}/id"
            if clause.id in first:
                what = f"the clause id {clause.id!r} stands at {first[clause.id]} already"
                yield Finding(file, place, what, "give each clause an id of its own")
            first.setdefault(clause.id, f"{file}#{place}")
            if clause.id.partition(".")[0] != owner:
                what = f"the clause id {clause.id!r} does not begin with {owner!r}"
                hint = f"name it {owner}.{clause.id.rpartition('.')[2]}"
                yield Finding(file, place, what, hint)


def check_references(contracts: Contracts) -> Iterator[Finding]:
    """Check that the shapes that schemas borrow are there."""
    for name, task in contracts.tasks.items():
        for side, schema in (("input", task.input), ("output", task.output)):
            shapes = schema.get("$defs", {})
            for place, reference in references(schema, f"/{side}"):
                shape = reference.rpartition("/")[2]
                if shape not in shapes:
                    what = f"there is no shape {reference!r}"
                    yield Finding(
                        f"tasks/{name}.yaml", place, what, advice(shape, shapes, "shapes")
                    )


def check_effects(contracts: Contracts) -> Iterator[Finding]:
    """Check that the events and operations that effects name are described."""
    events = _event_names(contracts.root / "events")
    operations = _operations(contracts.root / "services")
    for name, task in contracts.tasks.items():
        file = f"tasks/{name}.yaml"
        for index, event in enumerate(task.effects.get("events", ())):
            if events and event not in events:
                place = f"/effects/events/{index}"
                what = f"the event {event!r} is not described in events/"
                yield Finding(file, place, what, advice(event, events, "events"))
        for index, call in enumerate(task.effects.get("calls", ())):
            service, operation = call["service"], call["operation"]
            place = f"/effects/calls/{index}"
            if operations and service not in operations:
                what = f"the service {service!r} is not described in services/"
                hint = advice(service, operations, "services")
                yield Finding(file, f"{place}/service", what, hint)
            elif operations and operation not in operations[service]:
                what = f"the service {service!r} has no operation {operation!r}"
                hint = advice(operation, operations[service], "operations")
                yield Finding(file, f"{place}/operation", what, hint)


def _clauses(contracts: Contracts) -> Iterator[tuple[str, str, tuple[Clause, ...]]]:
    for name, task in contracts.tasks.items():
        yield f"tasks/{name}.yaml", name, task.clauses
    yield "pipeline.yaml", "pipeline", contracts.pipeline_clauses


def _event_names(folder: Path) -> set[str]:
    return {path.stem.upper() for path in folder.glob("*.yaml")}


def _operations(folder: Path) -> dict[str, set[str]]:
    found = {}
    for path in sorted(folder.glob("*.openapi.yaml")):
        data = read_data(path)
        calls = {**(data.get("paths") or {}), **(data.get("webhooks") or {})}
        found[path.name.partition(".")[0]] = {
            operation["operationId"]
            for item in calls.values()
            for method, operation in item.items()
            if method in _METHODS and "operationId" in operation
        }
    return found

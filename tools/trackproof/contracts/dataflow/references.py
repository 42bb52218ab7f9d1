"""Checks of names: the workflow, clauses, shapes, events, operations and S3 keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.dataflow.expressions import suggestion
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.events_and_services import (
    EVENTS,
    SERVICES,
    SUFFIX,
    operations,
    read_events,
)
from trackproof.contracts.load import ROOT, WORKFLOW_FILE, WORKFLOW_NAME, Contracts, TaskContract
from trackproof.contracts.parts import Clause
from trackproof.contracts.yaml_files import read_data, references


def check_workflow_header(workflow: Mapping[str, Any]) -> Iterator[ContractDefect]:
    """Check the fields that Conductor requires of a workflow."""
    name, version = workflow.get("name"), workflow.get("version")
    if name != WORKFLOW_NAME:
        what = f"the name is {name!r}, but {WORKFLOW_NAME!r} is expected"
        yield ContractDefect(WORKFLOW_FILE, "/name", what, "name the workflow like its file")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        what = f"the version is {version!r}, but a positive integer is expected"
        yield ContractDefect(WORKFLOW_FILE, "/version", what, "start with version 1")
    if not workflow.get("ownerEmail"):
        hint = "add an owner; Conductor 3.15.0 rejects a workflow without one"
        yield ContractDefect(WORKFLOW_FILE, "/ownerEmail", "ownerEmail is missing", hint)
    if workflow.get("schemaVersion") != 2:
        what = f"schemaVersion is {workflow.get('schemaVersion')!r}, but 2 is expected"
        yield ContractDefect(WORKFLOW_FILE, "/schemaVersion", what, "set it to 2")


def check_clauses(contracts: Contracts) -> Iterator[ContractDefect]:
    """Check that clause ids are unique and start with their task type."""
    first: dict[str, str] = {}
    for file, owner, clauses in _clauses(contracts):
        for index, clause in enumerate(clauses):
            pointer = f"/clauses/{index}/id"
            if clause.id in first:
                what = f"duplicate clause id {clause.id!r}, see {first[clause.id]}"
                yield ContractDefect(file, pointer, what, "rename one of the clauses")
            first.setdefault(clause.id, f"{file}#{pointer}")
            if clause.id.partition(".")[0] != owner:
                what = f"the clause id {clause.id!r} does not start with {owner!r}"
                hint = f"rename it to {owner}.{clause.id.rpartition('.')[2]}"
                yield ContractDefect(file, pointer, what, hint)


def check_references(contracts: Contracts) -> Iterator[ContractDefect]:
    """Check that the shapes that schemas refer to exist."""
    for name, task in contracts.tasks.items():
        for side, schema in (("input", task.input), ("output", task.output)):
            shapes = schema.get("$defs", {})
            for pointer, reference in references(schema, f"/{side}"):
                shape = reference.rpartition("/")[2]
                if shape not in shapes:
                    what = f"the shape {reference!r} does not exist"
                    yield ContractDefect(
                        f"tasks/{name}.yaml", pointer, what, suggestion(shape, shapes, "shapes")
                    )


def check_effects(contracts: Contracts) -> Iterator[ContractDefect]:
    """Check that effects refer to existing events and operations, and that all are used."""
    called: dict[str, set[str]] = {service: set() for service in contracts.services}
    known = {
        service: {operation.id for operation in operations(document)}
        for service, document in contracts.services.items()
    }
    for name, task in contracts.tasks.items():
        file = f"tasks/{name}.yaml"
        for index, event in enumerate(task.effects.get("events", ())):
            if event not in contracts.events:
                what = f"the event {event!r} is not defined in events/"
                hint = suggestion(event, contracts.events, "events")
                yield ContractDefect(file, f"/effects/events/{index}", what, hint)
        for index, call in enumerate(task.effects.get("calls", ())):
            service, operation = call["service"], call["operation"]
            pointer = f"/effects/calls/{index}"
            called.setdefault(service, set()).add(operation)
            if service not in known:
                what = f"the service {service!r} is not defined in services/"
                yield ContractDefect(
                    file, f"{pointer}/service", what, suggestion(service, known, "services")
                )
            elif operation not in known[service]:
                what = f"the service {service!r} has no operation {operation!r}"
                hint = suggestion(operation, known[service], "operations")
                yield ContractDefect(file, f"{pointer}/operation", what, hint)
    yield from _unused_operations(contracts, called)
    yield from _unemitted_events(contracts)


def check_clause_values(contracts: Contracts) -> Iterator[ContractDefect]:
    """Check that each constant, S3 key and lifetime also appears in a clause.

    A clause of the pipeline may judge a key, and a note may explain a constant of the pipeline.
    """
    of_pipeline = [clause.text for clause in contracts.pipeline_clauses]
    for name, size in contracts.pipeline_constants.items():
        if not any(_contains_value(text, f"{size:,}") for text in (*of_pipeline, *contracts.notes)):
            what = f"no clause or note of the pipeline mentions {size:,}"
            hint = "correct the clause, the note or this value"
            yield ContractDefect("pipeline.yaml", f"/constants/{name}", what, hint)
    for name, task in contracts.tasks.items():
        texts = [*(clause.text for clause in task.clauses), *of_pipeline]
        for pointer, value in _named_values(task):
            if not any(_contains_value(text, str(value)) for text in texts):
                what = f"no clause of {name} mentions {value!r}"
                hint = "correct the clause or this value"
                yield ContractDefect(f"tasks/{name}.yaml", pointer, what, hint)


def _named_values(task: TaskContract) -> Iterator[tuple[str, Any]]:
    for name, value in task.constants.items():
        yield f"/constants/{name}", value
    if "presign_seconds" in task.effects:
        yield "/effects/presign_seconds", task.effects["presign_seconds"]
    for index, stored in enumerate(task.effects.get("s3", ())):
        if stored["action"] == "put":
            yield f"/effects/s3/{index}/key", stored["key"]


def _contains_value(text: str, value: str) -> bool:
    """Return whether `value` appears in `text` as a whole word or number."""
    return re.search(rf"(?<![\w.]){re.escape(value)}(?!\w)", text) is not None


def check_deletions(contracts: Contracts) -> Iterator[ContractDefect]:
    """Check that the S3 objects that tasks write are those that a task deletes."""
    written, deleted = (
        {
            stored["key"]: (f"tasks/{name}.yaml", f"/effects/s3/{index}/key")
            for name, task in contracts.tasks.items()
            for index, stored in enumerate(task.effects.get("s3", ()))
            if (stored["bucket"], stored["action"]) == ("transcripts", action)
        }
        for action in ("put", "delete")
    )
    for key in written.keys() - deleted.keys():
        hint = "add it to the effects of the task that deletes"
        yield ContractDefect(*written[key], f"no task deletes {key!r}", hint)
    for key in deleted.keys() - written.keys():
        hint = suggestion(key, written, "keys")
        yield ContractDefect(*deleted[key], f"no task writes {key!r}", hint)


def missing_files(contracts: Contracts) -> list[str]:
    """Return the files that other files refer to but that do not exist, relative to the root."""
    effects = [task.effects for task in contracts.tasks.values()]
    named = [
        *(f"tasks/{name}.yaml" for name in _task_types(contracts.workflow["tasks"])),
        *(f"{EVENTS}/{name.lower()}.yaml" for one in effects for name in one.get("events", ())),
        *(f"{SERVICES}/{call['service']}{SUFFIX}" for one in effects
          for call in one.get("calls", ())),
    ]  # fmt: skip
    return [name for name in dict.fromkeys(named) if not (contracts.root / name).exists()]


def _task_types(tasks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the task types in a workflow, which may have defects."""
    for task in tasks:
        if task["type"] == "SIMPLE":
            yield task["name"]
        if isinstance(forked := task.get("inputParameters", {}).get("task_type"), str):
            yield forked
        for branch in task.get("forkTasks", ()):
            yield from _task_types(branch)


def _unused_operations(
    contracts: Contracts, called: Mapping[str, set[str]]
) -> Iterator[ContractDefect]:
    for service, document in contracts.services.items():
        for operation in operations(document):
            if operation.id not in called[service]:
                yield ContractDefect(
                    f"{SERVICES}/{service}{SUFFIX}",
                    operation.pointer,
                    f"no task calls the operation {operation.id!r}",
                    "add it to a task's effects, or remove it",
                )


def _unemitted_events(contracts: Contracts) -> Iterator[ContractDefect]:
    emitted = {
        event for task in contracts.tasks.values() for event in task.effects.get("events", ())
    }
    shapes = read_data(contracts.root / "shapes.yaml")["$defs"]
    for event in read_events(contracts.root, ROOT / "meta", shapes):
        file = f"{EVENTS}/{event.name.lower()}.yaml"
        if event.emitted_by_every_task and event.name in emitted:
            what = f"every task emits {event.name}, but a task also lists it in its effects"
            hint = "set told_by to `tasks`, or remove it from the effects"
            yield ContractDefect(file, "/told_by", what, hint)
        if not event.emitted_by_every_task and event.name not in emitted:
            what = f"no task emits {event.name}"
            hint = "add it to a task's effects, or remove the file"
            yield ContractDefect(file, "/told_by", what, hint)


def _clauses(contracts: Contracts) -> Iterator[tuple[str, str, tuple[Clause, ...]]]:
    for name, task in contracts.tasks.items():
        yield f"tasks/{name}.yaml", name, task.clauses
    yield "pipeline.yaml", "pipeline", contracts.pipeline_clauses
    for name, part in contracts.parts.items():
        yield f"{name}.yaml", name, part.clauses

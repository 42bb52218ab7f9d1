"""The contracts as typed data, loaded from one YAML file per task and the workflow's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from trackproof.contracts.bundle import Schema, bundle_schema
from trackproof.contracts.errors import ContractFileError
from trackproof.contracts.events_and_services import read_events, read_services
from trackproof.contracts.parts import Clause, ProductPart, clauses_in, read_parts
from trackproof.contracts.yaml_files import check_data, check_schema, read_data

_INSTALLED = Path(__file__).parent / "data"
_CHECKOUT = Path(__file__).parents[3] / "contracts"

ROOT = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
"""The contracts folder: inside the installed package, or in the checkout."""

WORKFLOW_NAME = "diarization_pipeline"
WORKFLOW_FILE = f"workflows/{WORKFLOW_NAME}.json"
ROWS_FILE = "meeting_rows.yaml"
INPUT_FILE = "workflow_input.yaml"

DIALECT = "https://json-schema.org/draft/2020-12/schema"
"""The `$schema` of exported schemas: Conductor does not enforce a schema without it."""


@dataclass(frozen=True, slots=True)
class TaskContract:
    """The contract of one task type."""

    name: str
    summary: str
    seed: tuple[str, ...]
    definition: Mapping[str, Any]
    """Merged with the definition in pipeline.yaml that all tasks share."""
    input: Schema
    output: Schema
    effects: Mapping[str, Any]
    judged_by: Mapping[str, Sequence[str] | str]
    """For each promise the clauses that judge it, or the reason why none does."""
    constants: Mapping[str, Any]
    """Values that the clauses mention."""
    errors: Mapping[str, Sequence[str]]
    idempotency: Mapping[str, Any]
    clauses: tuple[Clause, ...]
    notes: tuple[str, ...] = ()
    """Answers to the questions of those who write a worker."""

    @property
    def retry_count(self) -> int:
        """How often Conductor retries the task."""
        return int(self.definition["retryCount"])

    @property
    def stored_key(self) -> str:
        """The template of the S3 key that the task writes: `{transcript_id}/audio.mp3`."""
        [stored] = [item for item in self.effects["s3"] if item["action"] == "put"]
        return str(stored["key"])

    def task_definition(self) -> dict[str, Any]:
        """Return the task definition as Conductor's metadata API takes it."""
        return {
            "name": self.name,
            "description": self.summary,
            "inputKeys": field_names(self.input),
            "outputKeys": field_names(self.output),
            **self.definition,
            # Conductor stores these from 3.21 on; 3.15.0 drops them.
            "inputSchema": self._schema_definition("input", self.input),
            "outputSchema": self._schema_definition("output", self.output),
            "enforceSchema": True,
        }

    def _schema_definition(self, side: str, schema: Schema) -> dict[str, Any]:
        data = with_dialect(without_descriptions(schema))
        return {"name": f"{self.name}_{side}", "version": 1, "type": "JSON", "data": data}


@dataclass(frozen=True, slots=True)
class Step:
    """A task of the workflow that a worker executes; a dynamic fork is one step."""

    index: int
    reference: str
    task_type: str
    dynamic: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Contracts:
    """All contracts of a folder."""

    tasks: Mapping[str, TaskContract]
    workflow: Mapping[str, Any]
    pipeline_clauses: tuple[Clause, ...]
    pipeline_constants: Mapping[str, int]
    """Sizes of payloads and lists, in bytes of JSON."""
    parts: Mapping[str, ProductPart]
    """The parts of the product around the fleet, by name."""
    events: Mapping[str, Schema]
    """The schema of each event's data, by event name."""
    event_room: str
    """The template of the room that events are sent to: `ts:{transcript_id}`."""
    services: Mapping[str, Schema]
    """The OpenAPI document of each outside service, by service name."""
    workflow_input: Schema
    """The schema of the workflow's input."""
    meeting_rows: Schema
    """The schema of a meeting's rows before its workflow starts, as a seed command reads them."""
    notes: tuple[str, ...] = ()
    """Rules for every task, for those who write a worker."""
    root: Path = ROOT
    """The contracts folder."""

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Every clause: the tasks' in pipeline order, the pipeline's, the product's."""
        of_tasks = [clause for task in self.tasks_in_order for clause in task.clauses]
        return (*of_tasks, *self.pipeline_clauses, *self.part_clauses)

    @property
    def part_clauses(self) -> tuple[Clause, ...]:
        """Every clause of the parts of the product around the fleet."""
        return tuple(clause for part in self.parts.values() for clause in part.clauses)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the pipeline, with indexes from 1.

        Raises:
            ContractFileError: The task type of a dynamic fork's branches cannot be determined.
        """
        worker_tasks = _worker_tasks(self.root / WORKFLOW_FILE, self.workflow["tasks"])
        return tuple(
            Step(
                index=index,
                reference=task["taskReferenceName"],
                task_type=task_type,
                dynamic=task["type"] == "FORK_JOIN_DYNAMIC",
                optional=bool(task.get("optional", False)),
            )
            for index, (task, task_type) in enumerate(worker_tasks, start=1)
        )

    @property
    def tasks_in_order(self) -> tuple[TaskContract, ...]:
        """Every task contract, ordered by first use in the pipeline."""
        used = dict.fromkeys(step.task_type for step in self.steps)
        return tuple(self.tasks[name] for name in used if name in self.tasks)

    def task_definitions(self) -> list[dict[str, Any]]:
        """Return every task definition as Conductor's metadata API takes it, ordered by name."""
        return [self.tasks[name].task_definition() for name in sorted(self.tasks)]


def with_dialect(schema: Schema) -> Schema:
    """Return a schema as it is exported: with its `$schema` line."""
    return {"$schema": DIALECT, **schema}


def without_descriptions(schema: Any) -> Any:
    """Return a schema as it is registered: a server repeats it in each branch of a fork."""
    if isinstance(schema, list):
        return [without_descriptions(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: without_descriptions(part) for name, part in value.items()}
        if key in ("properties", "$defs")
        else without_descriptions(value)
        for key, value in schema.items()
        if key not in ("description", "examples")
    }


def field_names(schema: Schema) -> list[str]:
    """Return the sorted field names of an object schema, following its reference if it has one."""
    if reference := schema.get("$ref"):
        return field_names(schema["$defs"][reference.rpartition("/")[2]])
    return sorted(schema["properties"])


def _worker_tasks(
    path: Path, tasks: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield each worker task with its task type; for a dynamic fork, its branches' task type."""
    branch_types = {
        task["taskReferenceName"]: task["inputParameters"]["task_type"]
        for task in tasks
        if "task_type" in task.get("inputParameters", {})
    }
    for task in tasks:
        match task["type"]:
            case "SIMPLE":
                yield task, task["name"]
            case "FORK_JOIN":
                for branch in task.get("forkTasks", ()):
                    yield from _worker_tasks(path, branch)
            case "FORK_JOIN_DYNAMIC":
                source = task.get("inputParameters", {}).get(task.get("dynamicForkTasksParam"))
                helper = str(source).removeprefix("${").split(".")[0]
                if helper not in branch_types:
                    what = f"the task type of {task['taskReferenceName']!r} cannot be determined"
                    hint = "take its input from a task of the same chain that has a task_type"
                    raise ContractFileError(path, "/tasks", what, hint)
                yield task, branch_types[helper]
            case _:
                continue


@cache
def load_contracts(root: Path = ROOT) -> Contracts:
    """Load the contracts folder `root`; the result is cached per folder.

    Raises:
        ContractFileError: A file is missing, damaged or does not match its schema.
    """
    meta = ROOT / "meta"
    kind = read_data(meta / "task.schema.yaml")
    shapes_file = root / "shapes.yaml"
    shapes = read_data(shapes_file)
    check_schema(shapes_file, "", shapes)
    check_data(shapes_file, shapes, {"type": "object", "required": ["$defs"]})
    workflow_file = root / WORKFLOW_FILE
    workflow = read_data(workflow_file)
    check_data(workflow_file, workflow, read_data(meta / "workflow.schema.yaml"))
    pipeline_file = root / "pipeline.yaml"
    pipeline = read_data(pipeline_file)
    pipeline_schema = read_data(meta / "pipeline.schema.yaml")
    check_data(pipeline_file, pipeline, {**pipeline_schema, "$defs": kind["$defs"]})
    shared = pipeline["definition"]
    rows_file = root / ROWS_FILE
    rows = read_data(rows_file)
    check_schema(rows_file, "", rows)
    tasks = [
        _task(path, kind, shared, shapes["$defs"])
        for path in sorted((root / "tasks").glob("*.yaml"))
    ]
    return Contracts(
        tasks={task.name: task for task in tasks},
        workflow=workflow,
        pipeline_clauses=clauses_in("pipeline", pipeline),
        pipeline_constants=pipeline.get("constants", {}),
        parts=read_parts(root, meta, kind["$defs"]),
        events={event.name: event.data for event in read_events(root, meta, shapes["$defs"])},
        event_room=pipeline["event_room"],
        services=read_services(root, meta),
        workflow_input=bundle_schema(read_data(root / INPUT_FILE), shapes["$defs"]),
        meeting_rows=bundle_schema(rows, shapes["$defs"]),
        notes=tuple(pipeline.get("notes", ())),
        root=root,
    )


def _task(
    path: Path, kind: Schema, shared: Mapping[str, Any], shapes: Mapping[str, Schema]
) -> TaskContract:
    data = read_data(path)
    check_data(path, data, kind)
    for side in ("input", "output"):
        check_schema(path, f"/{side}", data[side])
    if data["task"] != path.stem:
        what = f"the task {data['task']!r} does not match the file name"
        raise ContractFileError(path, "/task", what, "name the file after the task")
    return TaskContract(
        name=data["task"],
        summary=data["summary"],
        seed=tuple(data["seed"]),
        definition={**shared, **data["definition"]},
        input=bundle_schema(data["input"], shapes),
        output=bundle_schema(data["output"], shapes),
        effects=data["effects"],
        judged_by=data.get("judged_by", {}),
        constants=data.get("constants", {}),
        errors=data["errors"],
        idempotency=data["idempotency"],
        clauses=clauses_in(data["task"], data),
        notes=tuple(data.get("notes", ())),
    )

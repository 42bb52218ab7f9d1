"""Read the contracts: one YAML file a task, the workflow in Conductor's own JSON.

Task definitions and pipeline steps are rendered from these files; nothing repeats them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent
WORKFLOW_NAME = "diarization_pipeline"
OWNER_EMAIL = "reflector@example.com"

Schema = dict[str, Any]

_DEFINITION_DEFAULTS: dict[str, Any] = {
    "ownerEmail": OWNER_EMAIL,
    "retryLogic": "EXPONENTIAL_BACKOFF",
    "retryDelaySeconds": 1,
    "timeoutPolicy": "RETRY",
}


@dataclass(frozen=True, slots=True)
class TaskContract:
    """One task type: what Conductor is told of it and what goes in and out."""

    name: str
    summary: str
    seed: tuple[str, ...]
    definition: Mapping[str, Any]
    input: Schema
    output: Schema

    @property
    def retry_count(self) -> int:
        """How often Conductor runs the task again after its first failure."""
        return int(self.definition["retryCount"])

    def task_definition(self) -> dict[str, Any]:
        """Return the task definition as Conductor's metadata API takes it."""
        return {
            "name": self.name,
            "description": self.summary,
            "inputKeys": field_names(self.input),
            "outputKeys": field_names(self.output),
            **_DEFINITION_DEFAULTS,
            **self.definition,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One task of the workflow that a worker carries out, in the order of the pipeline."""

    index: int
    reference: str
    task_type: str
    dynamic: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Contracts:
    """All contracts of one folder."""

    tasks: Mapping[str, TaskContract]
    workflow: Mapping[str, Any]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The pipeline's steps, counted from 1; a dynamic fork is one step."""
        found = _worker_tasks(self.workflow["tasks"])
        return tuple(
            Step(
                index=index,
                reference=task["taskReferenceName"],
                task_type=task_type,
                dynamic=task["type"] == "FORK_JOIN_DYNAMIC",
                optional=bool(task.get("optional", False)),
            )
            for index, (task, task_type) in enumerate(found, start=1)
        )

    def task_definitions(self) -> list[dict[str, Any]]:
        """Return every task definition, by name."""
        return [self.tasks[name].task_definition() for name in sorted(self.tasks)]


def field_names(schema: Schema) -> list[str]:
    """Return the names of an object's fields, also where the object is a shared shape."""
    if reference := schema.get("$ref"):
        return field_names(schema["$defs"][reference.rpartition("/")[2]])
    return sorted(schema["properties"])


def _worker_tasks(tasks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each worker's task with its task type; a dynamic fork yields what it forks into."""
    forked_into = {
        task["taskReferenceName"]: task["inputParameters"]["task_type"]
        for task in tasks
        if "task_type" in task.get("inputParameters", {})
    }
    for task in tasks:
        match task["type"]:
            case "SIMPLE":
                yield task, task["name"]
            case "FORK_JOIN":
                for branch in task["forkTasks"]:
                    yield from _worker_tasks(branch)
            case "FORK_JOIN_DYNAMIC":
                source = task["inputParameters"][task["dynamicForkTasksParam"]]
                yield task, forked_into[source.removeprefix("${").split(".")[0]]
            case _:
                continue


@cache
def load_contracts(root: Path = ROOT) -> Contracts:
    """Read the contracts folder `root`."""
    shapes = yaml.safe_load((root / "shapes.yaml").read_text())["$defs"]
    workflow = json.loads((root / "workflows" / f"{WORKFLOW_NAME}.json").read_text())
    tasks = [_task(path, shapes) for path in sorted((root / "tasks").glob("*.yaml"))]
    return Contracts(tasks={task.name: task for task in tasks}, workflow=workflow)


def _task(path: Path, shapes: Mapping[str, Schema]) -> TaskContract:
    data = yaml.safe_load(path.read_text())
    return TaskContract(
        name=data["task"],
        summary=data["summary"],
        seed=tuple(data["seed"]),
        definition=data["definition"],
        input=_bundled(data["input"], shapes),
        output=_bundled(data["output"], shapes),
    )


def _bundled(schema: Schema, shapes: Mapping[str, Schema]) -> Schema:
    """Make `schema` stand alone: what it borrows from shapes.yaml comes along as its $defs."""
    local: Schema = _pointing_inward(schema)
    return {**local, "$defs": {**_pointing_inward(dict(shapes)), **local.get("$defs", {})}}


def _pointing_inward(node: Any) -> Any:
    match node:
        case dict():
            return {
                key: value.removeprefix("../shapes.yaml")
                if key == "$ref" and isinstance(value, str)
                else _pointing_inward(value)
                for key, value in node.items()
            }
        case list():
            return [_pointing_inward(item) for item in node]
        case _:
            return node

"""The one place where a fleet's terms and the contracts' meet.

Whatever goes to the server passes `Translator` on its way out, and whatever is seen of the fleet
passes it on its way in: what is on this side of it knows the contracts' terms only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trackproof.contracts.load import Contracts, load_contracts
from trackproof.fleet.profile import EventTerms, FleetProfile, TaskTerms
from trackproof.fleet.translation.field_map import FieldMap, TemplateMap

Document = dict[str, Any]

EXPRESSION = re.compile(r"\$\{([\w-]+)\.(input|output)\.([\w-]+)")
SCHEMA_KEYS = ("inputSchema", "outputSchema", "enforceSchema")


@dataclass(frozen=True)
class _Terms:
    """What a workflow's definition is brought into."""

    task: Callable[[str, Mapping[str, Any]], Document]
    step: Callable[[str], str]
    reference: Callable[[re.Match[str]], str]


class Translator:
    """What one fleet says for the contracts' names, and what it means by its own."""

    def __init__(self, profile: FleetProfile) -> None:
        """Read the profile's terms."""
        self._profile = profile
        self.keys = TemplateMap(profile.keys)
        self._steps = TemplateMap(profile.workflow.steps)
        self._names_to_fleet = {
            name: terms.name for name, terms in profile.tasks.items() if terms.name
        }
        self._names_from_fleet = {said: name for name, said in self._names_to_fleet.items()}
        self._events = {terms.name: name for name, terms in profile.events.items() if terms.name}
        self._field_maps: dict[tuple[str, str], FieldMap] = {}

    @cached_property
    def is_identity(self) -> bool:
        """Whether the fleet speaks the contracts' own terms."""
        profile = self._profile
        return profile.workflow == FleetProfile(profile.name).workflow and not any(
            (profile.tasks, profile.fields, profile.events, profile.transcript, profile.keys)
        )

    @cached_property
    def _contracts(self) -> Contracts:
        return load_contracts()

    @cached_property
    def _task_by_step(self) -> dict[str, str]:
        """Task types by the reference names of the steps."""
        steps = steps_in(self._contracts.workflow["tasks"])
        return {step["taskReferenceName"]: step["name"] for step in steps}

    def task_to_fleet(self, name: str) -> str:
        """Return the fleet's name of a task type."""
        return self._names_to_fleet.get(name, name)

    def task_from_fleet(self, name: str) -> str:
        """Return the contract's name of a fleet's task type."""
        return self._names_from_fleet.get(name, name)

    def input_of(self, task: str) -> FieldMap:
        """Return how a task's input is said."""
        return self._field_map(task, "input")

    def output_of(self, task: str) -> FieldMap:
        """Return how a task's output is said."""
        return self._field_map(task, "output")

    def task_input(self, task: str, payload: Mapping[str, Any]) -> Document:
        """Return a task's input as the fleet expects it."""
        terms = self._profile.tasks.get(task, TaskTerms())
        return {**self.input_of(task).to_fleet(dict(payload)), **terms.extra}

    def workflow_input(self, payload: Mapping[str, Any]) -> Document:
        """Return the workflow's input as the fleet expects it."""
        said = self._field_map("workflow", "input").to_fleet(dict(payload))
        return {**said, **self._profile.workflow.extra}

    def workflow_name_to_fleet(self, name: str, version: int | None) -> tuple[str, int | None]:
        """Return the fleet's name and version of the contracts' workflow."""
        if name != self._contracts.workflow["name"]:
            return name, version
        terms = self._profile.workflow
        return terms.name or name, terms.version or version

    def row_from_fleet(self, row: Mapping[str, Any]) -> Document:
        """Return a transcript's row in the contracts' terms."""
        meant: Document = self._field_map("transcript", "row").from_fleet(dict(row))
        return meant

    def event_from_fleet(self, name: str, data: Any) -> tuple[str, Any]:
        """Return an event in the contracts' terms."""
        meant = self._events.get(name, name)
        return meant, self._field_map(meant, "data").from_fleet(data)

    def task_definition_to_fleet(self, definition: Mapping[str, Any]) -> Document:
        """Return a contract's task definition as the fleet's server is to hold it."""
        name = definition["name"]
        terms = self._profile.tasks.get(name)
        said = {**definition, "name": self.task_to_fleet(name)}
        if (terms and (terms.input or terms.output)) or self._profile.fields:
            for key in SCHEMA_KEYS:  # they are about the contract's own fields
                said.pop(key, None)
        for key, translation in (
            ("inputKeys", self.input_of(name)),
            ("outputKeys", self.output_of(name)),
        ):
            if key in said:
                said[key] = [translation.name_to_fleet(field) for field in said[key]]
        return said

    def task_definition_from_fleet(self, definition: Mapping[str, Any]) -> Document:
        """Return a fleet's task definition in the contracts' terms."""
        name = self.task_from_fleet(definition["name"])
        meant = {**definition, "name": name}
        for key, translation in (
            ("inputKeys", self.input_of(name)),
            ("outputKeys", self.output_of(name)),
        ):
            if key in meant:
                meant[key] = [translation.name_from_fleet(field) for field in meant[key] or ()]
        return meant

    def workflow_to_fleet(self, workflow: Mapping[str, Any]) -> Document:
        """Return the contracts' workflow as the fleet's server is to hold it."""
        name, version = self.workflow_name_to_fleet(workflow["name"], workflow.get("version"))
        said: Document = self._translated(
            {**workflow, "name": name, "version": version}, self._to_fleet_terms()
        )
        fields = self._field_map("workflow", "input")
        said["inputParameters"] = [
            fields.name_to_fleet(field) for field in workflow.get("inputParameters", ())
        ]
        for key, translation in (
            ("inputTemplate", fields),
            ("outputParameters", self._field_map("workflow", "output")),
        ):
            if key in said:
                said[key] = translation.to_fleet(said[key])
        return said

    def workflow_from_fleet(self, workflow: Mapping[str, Any]) -> Document:
        """Return the workflow that a fleet's server holds in the contracts' terms."""
        meant: Document = self._translated(workflow, self._from_fleet_terms())
        name, version = workflow.get("name"), workflow.get("version")
        meant["name"], meant["version"] = self._workflow_from_fleet(name, version)
        fields = self._field_map("workflow", "input")
        meant["inputParameters"] = [
            fields.name_from_fleet(field) for field in workflow.get("inputParameters") or ()
        ]
        for key, translation in (
            ("inputTemplate", fields),
            ("outputParameters", self._field_map("workflow", "output")),
        ):
            if key in meant:
                meant[key] = translation.from_fleet(meant[key])
        return meant

    def _workflow_from_fleet(self, name: Any, version: Any) -> tuple[Any, Any]:
        """Return name and version as the contracts have them, if they are the pipeline's."""
        terms, ours = self._profile.workflow, self._contracts.workflow
        if name != (terms.name or ours["name"]):
            return name, version
        return ours["name"], ours["version"] if version == terms.version else version

    def inline_workflow_to_fleet(
        self, workflow: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Return a one-task workflow and its input as the fleet expects them."""
        (step,) = workflow["tasks"]
        given = self.task_input(step["name"], payload)
        said = {
            **step,
            "name": self.task_to_fleet(step["name"]),
            "inputParameters": {name: f"${{workflow.input.{name}}}" for name in given},
        }
        if "taskDefinition" in step:
            said["taskDefinition"] = self.task_definition_to_fleet(step["taskDefinition"])
        return {**workflow, "tasks": [said]}, given

    def run_from_fleet(self, run: Mapping[str, Any]) -> Document:
        """Return a run, as the server tells it, in the contracts' terms."""
        meant = {
            **run,
            "tasks": [self._task_run_from_fleet(task) for task in run.get("tasks") or ()],
        }
        name, version = run.get("workflowName"), run.get("workflowVersion")
        meant["workflowName"], meant["workflowVersion"] = self._workflow_from_fleet(name, version)
        for side in ("input", "output"):
            if isinstance(run.get(side), Mapping):
                meant[side] = self._field_map("workflow", side).from_fleet(run[side])
        return meant

    def _task_run_from_fleet(self, task: Mapping[str, Any]) -> Document:
        name = self.task_from_fleet(task.get("taskDefName") or "")
        meant = {**task, "taskDefName": name}
        if task.get("taskType") == task.get("taskDefName"):
            meant["taskType"] = name
        if reference := task.get("referenceTaskName"):
            meant["referenceTaskName"] = self._steps.from_fleet(reference)
        if isinstance(step := task.get("workflowTask"), Mapping):
            meant["workflowTask"] = {**step, "name": self.task_from_fleet(str(step.get("name")))}
        if name in self._contracts.tasks:
            for key, side in (("inputData", "input"), ("outputData", "output")):
                if isinstance(task.get(key), Mapping):
                    meant[key] = self._field_map(name, side).from_fleet(task[key])
        return meant

    def _translated(self, part: Any, to: _Terms) -> Any:
        """Return a part of a workflow's definition with the names in it in other terms."""
        match part:
            case Mapping():
                respelled = {key: self._translated(value, to) for key, value in part.items()}
                if part.get("type"):
                    respelled |= to.task(str(part.get("name")), respelled)
                if "taskReferenceName" in part:
                    respelled["taskReferenceName"] = to.step(part["taskReferenceName"])
                if "joinOn" in part:
                    respelled["joinOn"] = [to.step(step) for step in part["joinOn"] or ()]
                return respelled
            case list():
                return [self._translated(value, to) for value in part]
            case str():
                return EXPRESSION.sub(to.reference, part)
            case _:
                return part

    def _to_fleet_terms(self) -> _Terms:
        return _Terms(self._task_to_fleet, self._steps.to_fleet, self._reference_to_fleet)

    def _from_fleet_terms(self) -> _Terms:
        return _Terms(self._task_from_fleet, self._steps.from_fleet, self._reference_from_fleet)

    def _task_to_fleet(self, name: str, task: Mapping[str, Any]) -> Document:
        """Return what a task of a workflow has in the fleet's terms."""
        if name not in self._contracts.tasks:
            return {}
        parameters = self.input_of(name).to_fleet(task.get("inputParameters") or {})
        extra = self._profile.tasks.get(name, TaskTerms()).extra
        return {"name": self.task_to_fleet(name), "inputParameters": {**parameters, **extra}}

    def _task_from_fleet(self, name: str, task: Mapping[str, Any]) -> Document:
        """Return what a task of a fleet's workflow has in the contracts' terms."""
        name = self.task_from_fleet(name)
        if name not in self._contracts.tasks:
            return {}
        parameters = self.input_of(name).from_fleet(task.get("inputParameters") or {})
        extra = self._profile.tasks.get(name, TaskTerms()).extra
        own = {field: value for field, value in parameters.items() if field not in extra}
        return {"name": name, "inputParameters": own}

    def _reference_from_fleet(self, found: re.Match[str]) -> str:
        step, side, field = found.groups()
        step = self._steps.from_fleet(step)
        about = "workflow" if step == "workflow" else self._task_by_step.get(step, "")
        return f"${{{step}.{side}.{self._field_map(about, side).name_from_fleet(field)}"

    def _reference_to_fleet(self, found: re.Match[str]) -> str:
        step, side, field = found.groups()
        about = "workflow" if step == "workflow" else self._task_by_step.get(step, "")
        return f"${{{self._steps.to_fleet(step)}.{side}.{self._field_map(about, side).name_to_fleet(field)}"

    def _field_map(self, about: str, part: str) -> FieldMap:
        found = self._field_maps.get((about, part))
        if found is None:
            profile = self._profile
            match about, part:
                case "workflow", "input":
                    fields = profile.workflow.input
                case "workflow", "output":
                    fields = profile.workflow.output
                case "transcript", "row":
                    fields = profile.transcript
                case _, "data":
                    fields = profile.events.get(about, EventTerms()).data
                case _, "input":
                    fields = profile.tasks.get(about, TaskTerms()).input
                case _:
                    fields = profile.tasks.get(about, TaskTerms()).output
            found = self._field_maps[about, part] = FieldMap(fields, profile.fields, self.keys)
        return found


def merge_patch(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Document:
    """Return the document with an RFC 7396 merge patch; TOML has no null, nothing is taken out."""
    merged = dict(document)
    for key, value in patch.items():
        below = merged.get(key)
        if isinstance(value, Mapping):
            merged[key] = merge_patch(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def definitions(profile: FleetProfile) -> tuple[list[Document], Document]:
    """Return the task definitions and the workflow that are ours to register for a fleet."""
    contracts, translator, overlay = load_contracts(), Translator(profile), profile.overlay
    tasks = [
        merge_patch(translator.task_definition_to_fleet(task), overlay.tasks.get(task["name"], {}))
        for task in contracts.task_definitions()
    ]
    workflow = _patch_steps(contracts.workflow, overlay.steps)
    return tasks, merge_patch(translator.workflow_to_fleet(workflow), overlay.workflow)


def _patch_steps(part: Any, patches: Mapping[str, Mapping[str, Any]]) -> Any:
    match part:
        case Mapping():
            found = {key: _patch_steps(value, patches) for key, value in part.items()}
            return merge_patch(found, patches.get(str(part.get("taskReferenceName")), {}))
        case list():
            return [_patch_steps(value, patches) for value in part]
        case _:
            return part


def steps_in(part: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every step in a part of a workflow, at whatever depth."""
    if isinstance(part, Mapping):
        if "taskReferenceName" in part:
            yield part
        for value in part.values():
            yield from steps_in(value)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from steps_in(value)

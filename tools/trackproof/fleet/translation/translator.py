"""Translation between a fleet's terms and the contracts'.

`Translator` translates everything sent to the server and everything read from the fleet, so that
clauses and checks use the contracts' terms only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trackproof.contracts.load import Contracts, load_contracts
from trackproof.fleet.profile import EventTerms, FleetProfile, TaskTerms
from trackproof.fleet.translation.field_map import FieldMap, TemplateMap
from trackproof.fleet.translation.references import References

Document = dict[str, Any]

SCHEMA_KEYS = ("inputSchema", "outputSchema", "enforceSchema")


@dataclass(frozen=True)
class _NameFunctions:
    """Functions that translate the parts of a workflow definition."""

    task: Callable[[str, Mapping[str, Any]], Document]
    step: Callable[[str], str]
    references: Callable[[str], str]


class Translator:
    """Translates names and documents for one fleet; see also `conductor.terms.Terms`."""

    def __init__(self, profile: FleetProfile) -> None:
        """Build the maps from the profile's terms."""
        self._profile = profile
        self.keys = TemplateMap(profile.keys)
        self._steps = TemplateMap(profile.workflow.steps)
        self._names_to_fleet = {
            name: terms.name for name, terms in profile.tasks.items() if terms.name
        }
        self._names_from_fleet = {
            fleet_name: name for name, fleet_name in self._names_to_fleet.items()
        }
        self._events = {terms.name: name for name, terms in profile.events.items() if terms.name}
        self._field_maps: dict[tuple[str, str], FieldMap] = {}

    @cached_property
    def is_identity(self) -> bool:
        """Whether the fleet uses the contracts' terms."""
        profile = self._profile
        return profile.workflow == FleetProfile(profile.name).workflow and not any(
            (profile.tasks, profile.fields, profile.events, profile.transcript, profile.keys)
        )

    @cached_property
    def _contracts(self) -> Contracts:
        return load_contracts()

    @cached_property
    def _references(self) -> References:
        return References(self._contracts.workflow, self._steps, self._field_map)

    def task_to_fleet(self, name: str) -> str:
        """Return the fleet's name of a task type."""
        return self._names_to_fleet.get(name, name)

    def task_from_fleet(self, name: str) -> str:
        """Return the contract's name of a fleet's task type."""
        return self._names_from_fleet.get(name, name)

    def input_of(self, task: str) -> FieldMap:
        """Return the map of a task's input."""
        return self._field_map(task, "input")

    def output_of(self, task: str) -> FieldMap:
        """Return the map of a task's output."""
        return self._field_map(task, "output")

    def task_input(self, task: str, payload: Mapping[str, Any]) -> Document:
        """Return a task's input as the fleet expects it."""
        terms = self._profile.tasks.get(task, TaskTerms())
        return {**self.input_of(task).to_fleet(dict(payload)), **terms.extra}

    def workflow_input(self, payload: Mapping[str, Any]) -> Document:
        """Return the workflow's input as the fleet expects it."""
        translated = self._field_map("workflow", "input").to_fleet(dict(payload))
        return {**translated, **self._profile.workflow.extra}

    def workflow_name_to_fleet(self, name: str, version: int | None) -> tuple[str, int | None]:
        """Return the fleet's name and version of the contracts' workflow."""
        if name != self._contracts.workflow["name"]:
            return name, version
        terms = self._profile.workflow
        return terms.name or name, terms.version or version

    def row_from_fleet(self, row: Mapping[str, Any]) -> Document:
        """Return a transcript's row in the contracts' terms."""
        translated: Document = self._field_map("transcript", "row").from_fleet(dict(row))
        return translated

    def event_from_fleet(self, name: str, data: Any) -> tuple[str, Any]:
        """Return an event in the contracts' terms."""
        event = self._events.get(name, name)
        return event, self._field_map(event, "data").from_fleet(data)

    def task_definition_to_fleet(self, definition: Mapping[str, Any]) -> Document:
        """Return a contract's task definition in the fleet's terms."""
        name = definition["name"]
        terms = self._profile.tasks.get(name)
        translated = {**definition, "name": self.task_to_fleet(name)}
        if (terms and (terms.input or terms.output)) or self._profile.fields:
            for key in SCHEMA_KEYS:  # they describe the contract's fields
                translated.pop(key, None)
        for key, translation in (
            ("inputKeys", self.input_of(name)),
            ("outputKeys", self.output_of(name)),
        ):
            if key in translated:
                translated[key] = [translation.name_to_fleet(field) for field in translated[key]]
        return translated

    def task_definition_from_fleet(self, definition: Mapping[str, Any]) -> Document:
        """Return a fleet's task definition in the contracts' terms."""
        name = self.task_from_fleet(definition["name"])
        translated = {**definition, "name": name}
        for key, translation in (
            ("inputKeys", self.input_of(name)),
            ("outputKeys", self.output_of(name)),
        ):
            if key in translated:
                translated[key] = [
                    translation.name_from_fleet(field) for field in translated[key] or ()
                ]
        return translated

    def workflow_to_fleet(self, workflow: Mapping[str, Any]) -> Document:
        """Return the contracts' workflow in the fleet's terms."""
        name, version = self.workflow_name_to_fleet(workflow["name"], workflow.get("version"))
        translated: Document = self._translated(
            {**workflow, "name": name, "version": version}, self._to_fleet()
        )
        fields = self._field_map("workflow", "input")
        translated["inputParameters"] = [
            fields.name_to_fleet(field) for field in workflow.get("inputParameters", ())
        ]
        for key, translation in (
            ("inputTemplate", fields),
            ("outputParameters", self._field_map("workflow", "output")),
        ):
            if key in translated:
                translated[key] = translation.to_fleet(translated[key])
        return translated

    def workflow_from_fleet(self, workflow: Mapping[str, Any]) -> Document:
        """Return a fleet's registered workflow in the contracts' terms."""
        translated: Document = self._translated(workflow, self._from_fleet())
        name, version = workflow.get("name"), workflow.get("version")
        translated["name"], translated["version"] = self._workflow_from_fleet(name, version)
        fields = self._field_map("workflow", "input")
        translated["inputParameters"] = [
            fields.name_from_fleet(field) for field in workflow.get("inputParameters") or ()
        ]
        for key, translation in (
            ("inputTemplate", fields),
            ("outputParameters", self._field_map("workflow", "output")),
        ):
            if key in translated:
                translated[key] = translation.from_fleet(translated[key])
        return translated

    def _workflow_from_fleet(self, name: Any, version: Any) -> tuple[Any, Any]:
        """Return name and version in the contracts' terms if they are the pipeline's."""
        terms, ours = self._profile.workflow, self._contracts.workflow
        if name != (terms.name or ours["name"]):
            return name, version
        return ours["name"], ours["version"] if version == terms.version else version

    def inline_workflow_to_fleet(
        self, workflow: Mapping[str, Any], payload: Mapping[str, Any]
    ) -> tuple[Any, Any]:
        """Return a workflow of one task and its input as the fleet expects them."""
        (step,) = workflow["tasks"]
        fleet_input = self.task_input(step["name"], payload)
        translated = {
            **step,
            "name": self.task_to_fleet(step["name"]),
            "inputParameters": {name: f"${{workflow.input.{name}}}" for name in fleet_input},
        }
        if "taskDefinition" in step:
            translated["taskDefinition"] = self.task_definition_to_fleet(step["taskDefinition"])
        return {**workflow, "tasks": [translated]}, fleet_input

    def run_from_fleet(self, run: Mapping[str, Any]) -> Document:
        """Return a run in the contracts' terms."""
        translated = {
            **run,
            "tasks": [self._task_run_from_fleet(task) for task in run.get("tasks") or ()],
        }
        name, version = run.get("workflowName"), run.get("workflowVersion")
        translated["workflowName"], translated["workflowVersion"] = self._workflow_from_fleet(
            name, version
        )
        for side in ("input", "output"):
            if isinstance(run.get(side), Mapping):
                translated[side] = self._field_map("workflow", side).from_fleet(run[side])
        return translated

    def _task_run_from_fleet(self, task: Mapping[str, Any]) -> Document:
        name = self.task_from_fleet(task.get("taskDefName") or "")
        translated = {**task, "taskDefName": name}
        if task.get("taskType") == task.get("taskDefName"):
            translated["taskType"] = name
        if reference := task.get("referenceTaskName"):
            translated["referenceTaskName"] = self._steps.from_fleet(reference)
        if isinstance(step := task.get("workflowTask"), Mapping):
            translated["workflowTask"] = {
                **step,
                "name": self.task_from_fleet(str(step.get("name"))),
            }
        if name in self._contracts.tasks:
            for key, side in (("inputData", "input"), ("outputData", "output")):
                if isinstance(task.get(key), Mapping):
                    translated[key] = self._field_map(name, side).from_fleet(task[key])
        return translated

    def _translated(self, part: Any, to: _NameFunctions) -> Any:
        """Return a part of a workflow definition with its names translated."""
        match part:
            case Mapping():
                translated = {key: self._translated(value, to) for key, value in part.items()}
                if part.get("type"):
                    translated |= to.task(str(part.get("name")), translated)
                if "taskReferenceName" in part:
                    translated["taskReferenceName"] = to.step(part["taskReferenceName"])
                if "joinOn" in part:
                    translated["joinOn"] = [to.step(step) for step in part["joinOn"] or ()]
                return translated
            case list():
                return [self._translated(value, to) for value in part]
            case str():
                return to.references(part)
            case _:
                return part

    def _to_fleet(self) -> _NameFunctions:
        return _NameFunctions(self._task_to_fleet, self._steps.to_fleet, self._references.to_fleet)

    def _from_fleet(self) -> _NameFunctions:
        return _NameFunctions(
            self._task_from_fleet, self._steps.from_fleet, self._references.from_fleet
        )

    def _task_to_fleet(self, name: str, task: Mapping[str, Any]) -> Document:
        """Return the fields of a workflow's task that differ in the fleet's terms."""
        if name not in self._contracts.tasks:
            return {}
        parameters = self.input_of(name).to_fleet(task.get("inputParameters") or {})
        extra = self._profile.tasks.get(name, TaskTerms()).extra
        return {"name": self.task_to_fleet(name), "inputParameters": {**parameters, **extra}}

    def _task_from_fleet(self, name: str, task: Mapping[str, Any]) -> Document:
        """Return the fields of a fleet workflow's task that differ in the contracts' terms."""
        name = self.task_from_fleet(name)
        if name not in self._contracts.tasks:
            return {}
        parameters = self.input_of(name).from_fleet(task.get("inputParameters") or {})
        extra = self._profile.tasks.get(name, TaskTerms()).extra
        own = {field: value for field, value in parameters.items() if field not in extra}
        return {"name": name, "inputParameters": own}

    def _field_map(self, owner: str, part: str) -> FieldMap:
        field_map = self._field_maps.get((owner, part))
        if field_map is None:
            profile = self._profile
            match owner, part:
                case "workflow", "input":
                    fields = profile.workflow.input
                case "workflow", "output":
                    fields = profile.workflow.output
                case "transcript", "row":
                    fields = profile.transcript
                case _, "data":
                    fields = profile.events.get(owner, EventTerms()).data
                case _, "input":
                    fields = profile.tasks.get(owner, TaskTerms()).input
                case _:
                    fields = profile.tasks.get(owner, TaskTerms()).output
            field_map = self._field_maps[owner, part] = FieldMap(fields, profile.fields, self.keys)
        return field_map


def steps_in(part: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every step in a part of a workflow, at any depth."""
    if isinstance(part, Mapping):
        if "taskReferenceName" in part:
            yield part
        for value in part.values():
            yield from steps_in(value)
    elif isinstance(part, Sequence) and not isinstance(part, str):
        for value in part:
            yield from steps_in(value)

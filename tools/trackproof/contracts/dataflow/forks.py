"""The dynamic forks: how they are set up, and whether each branch gets what its task needs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackproof.contracts.bundle import Schema
from trackproof.contracts.dataflow.expressions import PathStep, UnresolvedError, advice, picked
from trackproof.contracts.dataflow.graph import StepNode
from trackproof.contracts.dataflow.inputs import misfit_finding
from trackproof.contracts.dataflow.value_schemas import (
    Flow,
    ForkPlan,
    branch_count,
    helper_of,
    value_schema,
)
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE, Contracts
from trackproof.contracts.schemas.normal_forms import inlined
from trackproof.contracts.schemas.subsumption import misfits
from trackproof.contracts.yaml_files import check_shape, pointer, read_data

PLAN_FILE = "fork_inputs.yaml"

_TEXT: Schema = {"type": "string", "minLength": 1}
_PLAN_SHAPE: Schema = {
    "type": "object",
    "additionalProperties": False,
    "required": ["helper", "branches", "inputs"],
    "properties": {
        "helper": _TEXT,
        "branches": _TEXT,
        "inputs": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": _TEXT},
        },
    },
}
_BRANCHES: Schema = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["name", "taskReferenceName", "type"],
        "properties": {
            "name": {"type": "string"},
            "taskReferenceName": {"type": "string"},
            "type": {"const": "SIMPLE"},
        },
    },
}
_BRANCH_INPUTS: Schema = {"type": "object", "additionalProperties": {"type": "object"}}
_PARAMS = (("dynamicForkTasksParam", _BRANCHES), ("dynamicForkTasksInputParamName", _BRANCH_INPUTS))
_SOURCE = re.compile(r"(?P<name>\w+)(?P<each>\[\])?(?P<path>(\.\w+)*)( by (?P<key>\w+))?")


@dataclass(frozen=True, slots=True)
class _Source:
    """One source of fork_inputs.yaml, read."""

    name: str
    """The helper's input; empty for the branch's index."""
    each: bool
    path: list[PathStep]
    key: str | None


def read_plan(root: Path) -> ForkPlan:
    """Read fork_inputs.yaml.

    Raises:
        ContractFileError: It is missing or damaged.
    """
    path = root / PLAN_FILE
    data = read_data(path)
    check_shape(path, data, _PLAN_SHAPE)
    return ForkPlan(data["helper"], data["branches"], data["inputs"])


def check_plan(contracts: Contracts, plan: ForkPlan) -> Iterator[ContractDefect]:
    """Check fork_inputs.yaml against the contracts of the helper and of what it forks into."""
    if plan.helper not in contracts.tasks:
        what = f"the helper {plan.helper!r} has no contract"
        yield ContractDefect(
            PLAN_FILE, "/helper", what, advice(plan.helper, contracts.tasks, "tasks")
        )
        return
    fields: Mapping[str, Any] = inlined(contracts.tasks[plan.helper].input).get("properties", {})
    if plan.branches not in fields:
        what = f"{plan.helper} knows no input {plan.branches!r}"
        yield ContractDefect(PLAN_FILE, "/branches", what, advice(plan.branches, fields, "inputs"))
    served = fields.get("task_type", {}).get("enum", [])
    for task_type in served:
        if task_type not in plan.inputs:
            what = f"{plan.helper} forks into {task_type!r}, but nothing says where its inputs are"
            yield ContractDefect(PLAN_FILE, "/inputs", what, f"add {task_type}")
    for task_type, inputs in plan.inputs.items():
        place = "/inputs" + pointer([task_type])
        if task_type not in contracts.tasks:
            what = f"the task {task_type!r} has no contract"
            yield ContractDefect(
                PLAN_FILE, place, what, advice(task_type, contracts.tasks, "tasks")
            )
            continue
        if task_type not in served:
            what = f"{plan.helper} does not fork into {task_type!r}"
            yield ContractDefect(PLAN_FILE, place, what, advice(task_type, served, "task types"))
        yield from _planned_inputs(contracts, plan, task_type, inputs, fields)


def check_forks(flow: Flow) -> Iterator[ContractDefect]:
    """Check every dynamic fork of the workflow and what its branches are fed."""
    made_by: dict[str, str] = {}
    for fork in flow.graph.nodes:
        if fork.kind != "FORK_JOIN_DYNAMIC":
            continue
        yield from _parameters(flow, fork)
        helper, task_type = helper_of(flow, fork)
        if helper is None:
            what = f"the branches of {fork.reference!r} do not come from a {flow.plan.helper}"
            hint = "feed the fork from the output of such a task before it"
            yield ContractDefect(WORKFLOW_FILE, fork.pointer, what, hint)
            continue
        place = f"{helper.pointer}/inputParameters/task_type"
        if task_type is None or task_type not in flow.plan.inputs:
            known = sorted(flow.plan.inputs)
            what = f"task_type is {helper.inputs.get('task_type')!r}, for which there is no plan"
            yield ContractDefect(
                WORKFLOW_FILE, place, what, advice(str(task_type), known, "task types")
            )
            continue
        if task_type in made_by:
            what = f"{made_by[task_type]!r} makes branches named {task_type}_0, … already"
            hint = "fork into each task type once: a run's reference names are unique"
            yield ContractDefect(WORKFLOW_FILE, place, what, hint)
        made_by.setdefault(task_type, helper.reference)
        yield from _branch_inputs(flow, helper, task_type)
    yield from _taken_names(flow, made_by)


def _planned_inputs(
    contracts: Contracts,
    plan: ForkPlan,
    task_type: str,
    inputs: Mapping[str, str],
    fields: Mapping[str, Any],
) -> Iterator[ContractDefect]:
    schema: Schema = inlined(contracts.tasks[task_type].input)
    place = "/inputs" + pointer([task_type])
    for name in schema.get("required", ()):
        if name not in inputs:
            what = f"a branch of {task_type} lacks {name!r}, which is required"
            yield ContractDefect(PLAN_FILE, place, what, "say where it comes from")
    for name, text in inputs.items():
        where = place + pointer([name])
        if name not in schema.get("properties", {}):
            hint = advice(name, schema.get("properties", {}), "inputs")
            yield ContractDefect(PLAN_FILE, where, f"{task_type} knows no input {name!r}", hint)
        try:
            source = _read(text)
        except UnresolvedError as error:
            yield ContractDefect(PLAN_FILE, where, error.what, error.hint)
            continue
        if source.name and source.name not in fields:
            what = f"{plan.helper} knows no input {source.name!r}"
            yield ContractDefect(PLAN_FILE, where, what, advice(source.name, fields, "inputs"))
        if source.each and source.key is None and source.name != plan.branches:
            what = (
                f"{source.name} is not {plan.branches}, so its order says nothing of the branches"
            )
            yield ContractDefect(
                PLAN_FILE, where, what, "add `by` and the field that holds the index"
            )


def _read(text: str) -> _Source:
    if text == "index":
        return _Source("", False, [], None)
    found = _SOURCE.fullmatch(text)
    if found is None or (found["key"] and not found["each"]):
        raise UnresolvedError(
            f"{text!r} cannot be read as a source", "write index, name, name[].field or … by field"
        )
    path = [PathStep("name", name) for name in found["path"].split(".")[1:]]
    return _Source(found["name"], bool(found["each"]), path, found["key"])


def _parameters(flow: Flow, fork: StepNode) -> Iterator[ContractDefect]:
    roots = set()
    for key, schema in _PARAMS:
        name = str(fork.raw.get(key, ""))
        if name not in fork.inputs:
            what = f"{key} names {name!r}, which is none of its inputParameters"
            hint = advice(name, fork.inputs, "inputParameters")
            place = f"{fork.pointer}/{key}" if key in fork.raw else fork.pointer
            yield ContractDefect(WORKFLOW_FILE, place, what, hint)
            continue
        value = fork.inputs[name]
        roots.add(str(value).partition(".")[0])
        where = f"{fork.pointer}/inputParameters" + pointer([name])
        for misfit in misfits(value_schema(flow, value, fork), schema):
            see = f"see tasks/{flow.plan.helper}.yaml#/output"
            yield misfit_finding(where, value, f"the {key} of a dynamic fork", misfit, see)
    if len(roots) > 1:
        what = f"branches and their inputs come from two tasks: {', '.join(sorted(roots))}…"
        yield ContractDefect(
            WORKFLOW_FILE, f"{fork.pointer}/inputParameters", what, "take both from one"
        )


def _branch_inputs(flow: Flow, helper: StepNode, task_type: str) -> Iterator[ContractDefect]:
    contract = flow.contracts.tasks.get(task_type)
    wanted = inlined(contract.input).get("properties", {}) if contract else {}
    for name, text in flow.plan.inputs[task_type].items():
        try:
            source = _read(text)
        except UnresolvedError:
            continue
        place = f"{helper.pointer}/inputParameters"
        if source.name in helper.inputs:
            place += pointer([source.name])
        goal = f"the branch input {name!r} of {task_type}"
        see = f"see {PLAN_FILE}#/inputs/{task_type}/{name}"
        try:
            schema = _branch_value(flow, helper, source)
        except UnresolvedError as error:
            what = f"{goal} comes from {text!r}: {error.what}"
            yield ContractDefect(WORKFLOW_FILE, place, what, f"{error.hint} ({see})")
            continue
        for misfit in misfits(schema, wanted.get(name, True)):
            yield misfit_finding(place, text, goal, misfit, see)


def _branch_value(flow: Flow, helper: StepNode, source: _Source) -> Any:
    most = branch_count(flow, helper)[1]
    index: Schema = {"type": "integer", "minimum": 0}
    if most != math.inf:
        index["maximum"] = max(0, int(most) - 1)
    if not source.name:
        return index
    fed = _fed(flow, helper, source.name)
    owner = f"the helper's {source.name}"
    if not source.each:
        return picked(fed, source.path, owner)
    item = picked(fed, [PathStep("every")], owner).get("items", {})
    if source.key is not None:
        key = picked(item, [PathStep("name", source.key)], f"{owner}[]")
        for misfit in misfits(key, {"type": "integer"}):
            raise UnresolvedError(
                f"{owner}[].{source.key} is no index: {misfit}", "find items by their track_index"
            )
    return picked(item, source.path, f"{owner}[]")


def _fed(flow: Flow, helper: StepNode, name: str) -> Any:
    if name in helper.inputs:
        return value_schema(flow, helper.inputs[name], helper)
    contract = flow.contracts.tasks.get(helper.name)
    fields = inlined(contract.input).get("properties", {}) if contract else {}
    return {"const": fields.get(name, {}).get("default")}


def _taken_names(flow: Flow, made_by: Mapping[str, str]) -> Iterator[ContractDefect]:
    for node in flow.graph.nodes:
        stem, _, number = node.reference.rpartition("_")
        if stem in made_by and number.isdecimal():
            place = f"{node.pointer}/taskReferenceName"
            what = f"a branch that {made_by[stem]!r} makes is named {node.reference!r} too"
            yield ContractDefect(WORKFLOW_FILE, place, what, "give the task another name")

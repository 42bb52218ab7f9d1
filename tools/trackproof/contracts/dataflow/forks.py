"""Checks of the dynamic forks and the inputs of their branches."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackproof.contracts.bundle import Schema
from trackproof.contracts.dataflow.expressions import PathStep, UnresolvedError, select, suggestion
from trackproof.contracts.dataflow.graph import StepNode
from trackproof.contracts.dataflow.inputs import mismatch_defect
from trackproof.contracts.dataflow.value_schemas import (
    Flow,
    ForkPlan,
    branch_count,
    helper_of,
    value_schema,
)
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE, Contracts
from trackproof.contracts.schemas.normal_forms import inline_references
from trackproof.contracts.schemas.subsumption import mismatches
from trackproof.contracts.yaml_files import check_data, json_pointer, read_data

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
    """A parsed source of fork_inputs.yaml."""

    name: str
    """The helper's input; empty for the branch index."""
    each: bool
    path: list[PathStep]
    key: str | None


def read_plan(root: Path) -> ForkPlan:
    """Read fork_inputs.yaml.

    Raises:
        ContractFileError: The file is missing or damaged.
    """
    path = root / PLAN_FILE
    data = read_data(path)
    check_data(path, data, _PLAN_SHAPE)
    return ForkPlan(data["helper"], data["branches"], data["inputs"])


def check_plan(contracts: Contracts, plan: ForkPlan) -> Iterator[ContractDefect]:
    """Check fork_inputs.yaml against the contracts of the helper and of the branches' tasks."""
    if plan.helper not in contracts.tasks:
        what = f"the helper {plan.helper!r} has no contract"
        yield ContractDefect(
            PLAN_FILE, "/helper", what, suggestion(plan.helper, contracts.tasks, "tasks")
        )
        return
    fields: Mapping[str, Any] = inline_references(contracts.tasks[plan.helper].input).get(
        "properties", {}
    )
    if plan.branches not in fields:
        what = f"{plan.helper} has no input {plan.branches!r}"
        yield ContractDefect(
            PLAN_FILE, "/branches", what, suggestion(plan.branches, fields, "inputs")
        )
    served = fields.get("task_type", {}).get("enum", [])
    for task_type in served:
        if task_type not in plan.inputs:
            what = f"{plan.helper} forks into {task_type!r}, but its inputs are not defined"
            yield ContractDefect(PLAN_FILE, "/inputs", what, f"add {task_type}")
    for task_type, inputs in plan.inputs.items():
        pointer = "/inputs" + json_pointer([task_type])
        if task_type not in contracts.tasks:
            what = f"the task {task_type!r} has no contract"
            yield ContractDefect(
                PLAN_FILE, pointer, what, suggestion(task_type, contracts.tasks, "tasks")
            )
            continue
        if task_type not in served:
            what = f"{plan.helper} does not fork into {task_type!r}"
            yield ContractDefect(
                PLAN_FILE, pointer, what, suggestion(task_type, served, "task types")
            )
        yield from _check_plan_inputs(contracts, plan, task_type, inputs, fields)


def check_forks(flow: Flow) -> Iterator[ContractDefect]:
    """Check every dynamic fork of the workflow and the inputs of its branches."""
    helpers: dict[str, str] = {}
    for fork in flow.graph.nodes:
        if fork.kind != "FORK_JOIN_DYNAMIC":
            continue
        yield from _parameters(flow, fork)
        helper, task_type = helper_of(flow, fork)
        if helper is None:
            what = f"the branches of {fork.reference!r} do not come from a {flow.plan.helper}"
            hint = "take the fork's input from the output of an earlier helper task"
            yield ContractDefect(WORKFLOW_FILE, fork.pointer, what, hint)
            continue
        pointer = f"{helper.pointer}/inputParameters/task_type"
        if task_type is None or task_type not in flow.plan.inputs:
            known = sorted(flow.plan.inputs)
            what = f"{PLAN_FILE} has no inputs for task_type {helper.inputs.get('task_type')!r}"
            yield ContractDefect(
                WORKFLOW_FILE, pointer, what, suggestion(str(task_type), known, "task types")
            )
            continue
        if task_type in helpers:
            what = f"{helpers[task_type]!r} already makes branches named {task_type}_0, …"
            hint = "fork into each task type once; reference names are unique in a run"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, hint)
        helpers.setdefault(task_type, helper.reference)
        yield from _branch_inputs(flow, helper, task_type)
    yield from _name_collisions(flow, helpers)


def _check_plan_inputs(
    contracts: Contracts,
    plan: ForkPlan,
    task_type: str,
    inputs: Mapping[str, str],
    fields: Mapping[str, Any],
) -> Iterator[ContractDefect]:
    schema: Schema = inline_references(contracts.tasks[task_type].input)
    pointer = "/inputs" + json_pointer([task_type])
    for name in schema.get("required", ()):
        if name not in inputs:
            what = f"the required input {name!r} of {task_type} is missing"
            yield ContractDefect(PLAN_FILE, pointer, what, "add its source")
    for name, text in inputs.items():
        where = pointer + json_pointer([name])
        if name not in schema.get("properties", {}):
            hint = suggestion(name, schema.get("properties", {}), "inputs")
            yield ContractDefect(PLAN_FILE, where, f"{task_type} has no input {name!r}", hint)
        try:
            source = _read(text)
        except UnresolvedError as error:
            yield ContractDefect(PLAN_FILE, where, error.what, error.hint)
            continue
        if source.name and source.name not in fields:
            what = f"{plan.helper} has no input {source.name!r}"
            yield ContractDefect(PLAN_FILE, where, what, suggestion(source.name, fields, "inputs"))
        if source.each and source.key is None and source.name != plan.branches:
            what = f"{source.name} is not {plan.branches}, so its items do not match the branches"
            yield ContractDefect(PLAN_FILE, where, what, "add `by` and the field with the index")


def _read(text: str) -> _Source:
    if text == "index":
        return _Source("", False, [], None)
    match = _SOURCE.fullmatch(text)
    if match is None or (match["key"] and not match["each"]):
        raise UnresolvedError(
            f"{text!r} is not a valid source", "write index, name, name[].field or … by field"
        )
    path = [PathStep("name", name) for name in match["path"].split(".")[1:]]
    return _Source(match["name"], bool(match["each"]), path, match["key"])


def _parameters(flow: Flow, fork: StepNode) -> Iterator[ContractDefect]:
    roots = set()
    for key, schema in _PARAMS:
        name = str(fork.raw.get(key, ""))
        if name not in fork.inputs:
            what = f"{key} is {name!r}, which is not in its inputParameters"
            hint = suggestion(name, fork.inputs, "inputParameters")
            pointer = f"{fork.pointer}/{key}" if key in fork.raw else fork.pointer
            yield ContractDefect(WORKFLOW_FILE, pointer, what, hint)
            continue
        value = fork.inputs[name]
        roots.add(str(value).partition(".")[0])
        where = f"{fork.pointer}/inputParameters" + json_pointer([name])
        for mismatch in mismatches(value_schema(flow, value, fork), schema):
            see = f"see tasks/{flow.plan.helper}.yaml#/output"
            yield mismatch_defect(where, value, f"the {key} of a dynamic fork", mismatch, see)
    if len(roots) > 1:
        what = f"the branches and their inputs come from two tasks: {', '.join(sorted(roots))}…"
        yield ContractDefect(
            WORKFLOW_FILE, f"{fork.pointer}/inputParameters", what, "take both from one task"
        )


def _branch_inputs(flow: Flow, helper: StepNode, task_type: str) -> Iterator[ContractDefect]:
    contract = flow.contracts.tasks.get(task_type)
    wanted = inline_references(contract.input).get("properties", {}) if contract else {}
    for name, text in flow.plan.inputs[task_type].items():
        try:
            source = _read(text)
        except UnresolvedError:
            continue
        pointer = f"{helper.pointer}/inputParameters"
        if source.name in helper.inputs:
            pointer += json_pointer([source.name])
        goal = f"the branch input {name!r} of {task_type}"
        see = f"see {PLAN_FILE}#/inputs/{task_type}/{name}"
        try:
            schema = _branch_value(flow, helper, source)
        except UnresolvedError as error:
            what = f"{goal} comes from {text!r}: {error.what}"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, f"{error.hint} ({see})")
            continue
        for mismatch in mismatches(schema, wanted.get(name, True)):
            yield mismatch_defect(pointer, text, goal, mismatch, see)


def _branch_value(flow: Flow, helper: StepNode, source: _Source) -> Any:
    most = branch_count(flow, helper)[1]
    index: Schema = {"type": "integer", "minimum": 0}
    if most != math.inf:
        index["maximum"] = max(0, int(most) - 1)
    if not source.name:
        return index
    fed = _helper_input(flow, helper, source.name)
    owner = f"the helper's {source.name}"
    if not source.each:
        return select(fed, source.path, owner)
    item = select(fed, [PathStep("every")], owner).get("items", {})
    if source.key is not None:
        key = select(item, [PathStep("name", source.key)], f"{owner}[]")
        for mismatch in mismatches(key, {"type": "integer"}):
            raise UnresolvedError(
                f"{owner}[].{source.key} is not an index: {mismatch}", "use track_index"
            )
    return select(item, source.path, f"{owner}[]")


def _helper_input(flow: Flow, helper: StepNode, name: str) -> Any:
    if name in helper.inputs:
        return value_schema(flow, helper.inputs[name], helper)
    contract = flow.contracts.tasks.get(helper.name)
    fields = inline_references(contract.input).get("properties", {}) if contract else {}
    return {"const": fields.get(name, {}).get("default")}


def _name_collisions(flow: Flow, helpers: Mapping[str, str]) -> Iterator[ContractDefect]:
    for node in flow.graph.nodes:
        stem, _, number = node.reference.rpartition("_")
        if stem in helpers and number.isdecimal():
            pointer = f"{node.pointer}/taskReferenceName"
            what = f"a branch made by {helpers[stem]!r} has the same name {node.reference!r}"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, "rename the task")

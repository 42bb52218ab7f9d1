"""Checks of the inputs of tasks and of the workflow's input and output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trackproof.contracts.bundle import Schema
from trackproof.contracts.dataflow.expressions import EXPRESSION, suggestion
from trackproof.contracts.dataflow.graph import StepNode
from trackproof.contracts.dataflow.value_schemas import Flow, unresolved_expressions, value_schema
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE, Contracts
from trackproof.contracts.schemas.descriptions import format_value
from trackproof.contracts.schemas.normal_forms import inline_references
from trackproof.contracts.schemas.subsumption import Mismatch, mismatches
from trackproof.contracts.yaml_files import json_pointer

INPUT_FILE = "workflow_input.yaml"


def check_inputs(flow: Flow) -> Iterator[ContractDefect]:
    """Check the inputs of all tasks and the workflow's output."""
    for node in flow.graph.nodes:
        yield from unresolved_expressions(
            flow, dict(node.inputs), f"{node.pointer}/inputParameters", node
        )
        if node.kind == "SIMPLE":
            yield from _task_inputs(flow, node)
    outputs = flow.contracts.workflow.get("outputParameters") or {}
    yield from unresolved_expressions(flow, outputs, "/outputParameters", None)


def check_task_types(contracts: Contracts, flow: Flow) -> Iterator[ContractDefect]:
    """Check that every task type in the workflow has a contract, and the reverse."""
    used = set(flow.plan.inputs)
    for node in flow.graph.nodes:
        if node.kind == "SIMPLE":
            used.add(node.name)
            if node.name not in contracts.tasks:
                what = f"the task {node.name!r} has no contract"
                hint = suggestion(node.name, contracts.tasks, "tasks")
                yield ContractDefect(WORKFLOW_FILE, f"{node.pointer}/name", what, hint)
    for name in contracts.tasks:
        if name not in used:
            what = f"the workflow has no task of type {name!r}"
            yield ContractDefect(
                f"tasks/{name}.yaml", "/task", what, "use the task or remove the contract"
            )


def check_workflow_input(flow: Flow) -> Iterator[ContractDefect]:
    """Check the workflow's inputParameters and inputTemplate against workflow_input.yaml."""
    workflow, fields = flow.contracts.workflow, flow.start.get("properties", {})
    declared: Sequence[str] = workflow.get("inputParameters") or []
    for index, name in enumerate(declared):
        if name not in fields:
            what = f"the input {name!r} has no schema in {INPUT_FILE}"
            hint = suggestion(name, fields, "inputs")
            yield ContractDefect(WORKFLOW_FILE, f"/inputParameters/{index}", what, hint)
    for name in fields:
        if name not in declared:
            what = f"the workflow's inputParameters do not declare {name!r}"
            yield ContractDefect(
                INPUT_FILE, f"/properties/{name}", what, f"declare it in {WORKFLOW_FILE}"
            )
    for name, value in (workflow.get("inputTemplate") or {}).items():
        pointer = "/inputTemplate" + json_pointer([name])
        if name not in declared:
            what = f"the template has {name!r}, which is not in the workflow's inputParameters"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, suggestion(name, declared, "inputs"))
        for mismatch in mismatches({"const": value}, fields.get(name, True)):
            what = f"the template's {name} does not match the workflow's input: {mismatch}"
            hint = f"see {INPUT_FILE}#/properties/{name}"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, hint)


def _task_inputs(flow: Flow, node: StepNode) -> Iterator[ContractDefect]:
    if node.name not in flow.contracts.tasks:
        return
    schema: Schema = inline_references(flow.contracts.tasks[node.name].input)
    accepted = schema.get("properties", {})
    pointer = f"{node.pointer}/inputParameters"
    for name in schema.get("required", ()):
        if name not in node.inputs:
            what = f"{node.reference!r} lacks the required input {name!r} of {node.name}"
            hint = f"add it; see tasks/{node.name}.yaml#/input/properties/{name}"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, hint)
    for name, value in node.inputs.items():
        where = pointer + json_pointer([name])
        if name not in accepted:
            what = f"{node.name} has no input {name!r}"
            yield ContractDefect(WORKFLOW_FILE, where, what, suggestion(name, accepted, "inputs"))
            continue
        goal = f"the input {name!r} of {node.name}"
        see = f"see tasks/{node.name}.yaml#/input/properties/{name}"
        for mismatch in mismatches(value_schema(flow, value, node), accepted[name]):
            yield mismatch_defect(where, value, goal, mismatch, see)


def mismatch_defect(
    where: str, value: Any, goal: str, mismatch: Mismatch, see: str
) -> ContractDefect:
    """Return the defect for a value that may violate the schema of its target."""
    given = value if isinstance(value, str) and EXPRESSION.search(value) else format_value(value)
    if mismatch.undecided:
        hint = f"use the same keyword on both sides; {see}"
        return ContractDefect(
            WORKFLOW_FILE, where, f"undecided: {given} for {goal}: {mismatch}", hint
        )
    return ContractDefect(WORKFLOW_FILE, where, f"{given} does not match {goal}: {mismatch}", see)

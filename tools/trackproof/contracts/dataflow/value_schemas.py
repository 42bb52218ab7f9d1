"""The schemas of the values of the workflow's expressions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trackproof.contracts.bundle import Schema
from trackproof.contracts.dataflow.expressions import (
    EXPRESSION,
    PathStep,
    UnresolvedError,
    expressions,
    parse_path,
    select,
    suggestion,
)
from trackproof.contracts.dataflow.graph import Graph, StepNode
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE, Contracts
from trackproof.contracts.schemas.normal_forms import inline_references, union

_TEXT: Schema = {"type": "string", "minLength": 1}
_WORKFLOW_FIELDS: Mapping[str, Schema] = {
    "workflowId": _TEXT,
    "workflowType": _TEXT,
    "version": {"type": "integer", "minimum": 1},
    "correlationId": {"type": ["string", "null"]},
}
_TASK_FIELDS: Mapping[str, Schema] = {"taskId": _TEXT, "status": _TEXT, "referenceTaskName": _TEXT}


@dataclass(frozen=True, slots=True)
class ForkPlan:
    """The content of fork_inputs.yaml: the source of each branch's inputs."""

    helper: str
    branches: str
    """The helper's input that has one item per branch."""
    inputs: Mapping[str, Mapping[str, str]]
    """By task type: the source of each input."""


@dataclass(frozen=True, slots=True)
class Flow:
    """The workflow with everything needed to resolve its expressions."""

    contracts: Contracts
    graph: Graph
    start: Schema
    """The schema of the workflow's input."""
    plan: ForkPlan
    _outputs: dict[StepNode, Any] = field(default_factory=dict)

    def output_of(self, node: StepNode) -> Any:
        """Return the schema of a task's output."""
        if node not in self._outputs:
            self._outputs[node] = _output(self, node)
        return self._outputs[node]


def value_schema(flow: Flow, value: Any, node: StepNode | None) -> Any:
    """Return the schema of an input's value; unresolvable expressions match anything."""
    return _value(value, lambda text: _resolve_or_any(flow, text, node))


def unresolved_expressions(
    flow: Flow, value: Any, pointer: str, node: StepNode | None
) -> list[ContractDefect]:
    """Return a defect for every unresolvable expression in `value`.

    `node` is the task that uses it, or None for the workflow's output.
    """
    defects = []
    for where, text in expressions(value, pointer):
        try:
            resolve(flow, text, node)
        except UnresolvedError as error:
            defects.append(
                ContractDefect(WORKFLOW_FILE, where, f"${{{text}}}: {error.what}", error.hint)
            )
    return defects


def resolve(flow: Flow, text: str, node: StepNode | None) -> Any:
    """Return the schema of the value of the expression `text` in `node`.

    Raises:
        UnresolvedError: The source does not exist or has not completed when `node` starts.
    """
    steps = parse_path(f".{text}")
    names = [step.value for step in steps[:2] if step.kind == "name"]
    if len(names) < 2:
        raise UnresolvedError(
            "not a reference", "write ${task.output.field} or ${workflow.input.field}"
        )
    root, side = names
    if root == "workflow":
        return _workflow_value(flow, side, steps[2:])
    source = _source(flow, root, node)
    if side == "output":
        return select(flow.output_of(source), steps[2:], f"the output of {root}")
    if side == "input":
        fed = {name: value_schema(flow, value, source) for name, value in source.inputs.items()}
        return select(_closed(fed), steps[2:], f"the input of {root}")
    if side in _TASK_FIELDS:
        return select(_TASK_FIELDS[side], steps[2:], side)
    raise UnresolvedError(
        f"a task has no {side!r}", suggestion(side, ["input", "output", *_TASK_FIELDS], "parts")
    )


def _resolve_or_any(flow: Flow, text: str, node: StepNode | None) -> Any:
    try:
        return resolve(flow, text, node)
    except UnresolvedError:
        return {}


def _value(value: Any, schema_of: Callable[[str], Any]) -> Any:
    if isinstance(value, dict):
        return _closed({name: _value(part, schema_of) for name, part in value.items()})
    if isinstance(value, list) and value:
        items = union(_value(part, schema_of) for part in value)
        return {"type": "array", "items": items, "minItems": len(value), "maxItems": len(value)}
    if not isinstance(value, str) or not EXPRESSION.search(value):
        return {"const": value}
    if whole := EXPRESSION.fullmatch(value):
        return schema_of(whole[1])
    return {"type": "string", "minLength": len(EXPRESSION.sub("", value))}


def _closed(fields: Mapping[str, Any]) -> Schema:
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _workflow_value(flow: Flow, side: str, steps: list[PathStep]) -> Any:
    if side in _WORKFLOW_FIELDS:
        return select(_WORKFLOW_FIELDS[side], steps, side)
    if side != "input":
        raise UnresolvedError(
            f"a workflow has no {side!r}", suggestion(side, ["input", *_WORKFLOW_FIELDS], "parts")
        )
    declared = flow.contracts.workflow.get("inputParameters") or []
    if steps and steps[0].kind == "name" and steps[0].value not in declared:
        name = steps[0].value
        raise UnresolvedError(
            f"the workflow's inputParameters do not declare {name!r}",
            suggestion(name, declared, "inputs"),
        )
    template = flow.contracts.workflow.get("inputTemplate") or {}
    required = {*flow.start.get("required", ()), *template}
    start = {**flow.start, "required": sorted(required)}
    return select(start, steps, "the workflow's input")


def _source(flow: Flow, root: str, node: StepNode | None) -> StepNode:
    before = flow.graph.end if node is None else node.before
    if root in before:
        return before[root]
    everywhere = {other.reference: other for other in flow.graph.nodes}
    user = "the workflow's output" if node is None else repr(node.reference)
    if root not in everywhere:
        known = [*before, "workflow"]
        hint = suggestion(root, known, "earlier tasks")
        raise UnresolvedError(f"the task {root!r} does not exist", hint)
    other = everywhere[root]
    order = [known.pointer for known in flow.graph.nodes]
    if node is not None and root == node.reference:
        raise UnresolvedError(f"{root!r} refers to itself", "refer to an earlier task")
    if node is not None and node.runs_beside(other):
        raise UnresolvedError(
            f"{root!r} runs in parallel with {user}, in another branch",
            "refer to it after the JOIN",
        )
    if node is None or order.index(other.pointer) < order.index(node.pointer):
        raise UnresolvedError(
            f"{root!r} is in a branch that no JOIN before {user} waits for",
            "add the branch's last task to joinOn",
        )
    raise UnresolvedError(f"{root!r} runs after {user}", "refer to an earlier task")


def _output(flow: Flow, node: StepNode) -> Any:
    match node.kind:
        case "SIMPLE":
            return _task_output(flow, node.name, optional=bool(node.raw.get("optional")))
        case "JOIN" if node.fork is not None and node.fork.kind == "FORK_JOIN_DYNAMIC":
            return _dynamic_map(flow, node.fork)
        case "JOIN" if node.fork is not None:
            named = set(node.raw.get("joinOn") or ())
            last = [branch[-1] for branch in node.fork.branches if branch]
            return _closed({end.reference: flow.output_of(end) for end in last
                            if end.reference in named})  # fmt: skip
        case "FORK_JOIN" | "FORK_JOIN_DYNAMIC":
            return _closed({})
        case _:
            return {}


def _task_output(flow: Flow, name: str, *, optional: bool) -> Any:
    if name not in flow.contracts.tasks:
        return {}
    schema = inline_references(flow.contracts.tasks[name].output)
    # The workflow continues after a failed optional task, which has no output.
    return {**schema, "required": []} if optional else schema


def _dynamic_map(flow: Flow, fork: StepNode) -> Any:
    """Return the output of a dynamic fork's JOIN: branch reference name to branch output."""
    helper, task_type = helper_of(flow, fork)
    if helper is None or task_type is None:
        return {"type": "object", "additionalProperties": {}}
    least, most = branch_count(flow, helper)
    bounds = {"minProperties": least} | ({} if most == math.inf else {"maxProperties": most})
    output = _task_output(flow, task_type, optional=False)
    return {"type": "object", "additionalProperties": output, **bounds}


def branch_count(flow: Flow, helper: StepNode) -> tuple[float, float]:
    """Return the minimum and maximum number of branches that a helper makes."""
    items = value_schema(flow, helper.inputs.get(flow.plan.branches), helper)
    if isinstance(constant := items.get("const"), list):
        return len(constant), len(constant)
    return items.get("minItems", 0), items.get("maxItems", math.inf)


def helper_of(flow: Flow, fork: StepNode) -> tuple[StepNode | None, str | None]:
    """Return the helper task of a dynamic fork and the task type of its branches."""
    source = fork.inputs.get(fork.raw.get("dynamicForkTasksParam") or "")
    match = EXPRESSION.fullmatch(source) if isinstance(source, str) else None
    helper = fork.before.get(match[1].partition(".")[0]) if match else None
    if helper is None or helper.name != flow.plan.helper:
        return None, None
    task_type = helper.inputs.get("task_type")
    return helper, task_type if isinstance(task_type, str) else None

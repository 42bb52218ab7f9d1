"""Checks of time limits: the seed's table and the longest possible run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from trackproof.contracts.dataflow.expressions import suggestion
from trackproof.contracts.dataflow.graph import StepNode
from trackproof.contracts.dataflow.value_schemas import Flow, helper_of
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE, Contracts, TaskContract
from trackproof.contracts.yaml_files import check_data, read_data

TABLE_FILE = "seed_table.yaml"
COLUMNS = ("timeoutSeconds", "responseTimeoutSeconds", "retryCount")


def read_table(root: Path) -> Mapping[str, Mapping[str, int]]:
    """Read the seed's table of time limits: seconds and retries by task type and column.

    Raises:
        ContractFileError: The file is missing or damaged.
    """
    path = root / TABLE_FILE
    data = read_data(path)
    columns = {column: {"type": "integer", "minimum": 0} for column in COLUMNS}
    row = {
        "type": "object",
        "required": list(COLUMNS),
        "additionalProperties": False,
        "properties": columns,
    }
    tasks = {"type": "object", "additionalProperties": row}
    check_data(path, data, {"required": ["tasks"], "properties": {"tasks": tasks}})
    rows: Mapping[str, Mapping[str, int]] = data["tasks"]
    return rows


def check_time_limits(
    contracts: Contracts, table: Mapping[str, Mapping[str, int]]
) -> Iterator[ContractDefect]:
    """Check the limits of each task for consistency and against the seed's table."""
    for name, task in contracts.tasks.items():
        file = f"tasks/{name}.yaml"
        total = task.definition["timeoutSeconds"]
        response = task.definition["responseTimeoutSeconds"]
        if response >= total:
            what = f"responseTimeoutSeconds is {response}, not below timeoutSeconds, {total}"
            hint = "lower it: Conductor must detect a silent worker before the task times out"
            yield ContractDefect(file, "/definition/responseTimeoutSeconds", what, hint)
        if name not in table:
            what = f"the seed's table has no row for {name!r}"
            yield ContractDefect(file, "/definition", what, suggestion(name, table, "rows"))
            continue
        for column in COLUMNS:
            here, there = task.definition[column], table[name][column]
            if here != there:
                what = f"{column} is {here}, but {there} in the seed's table"
                hint = f"see {TABLE_FILE}#/tasks/{name}/{column}"
                yield ContractDefect(file, f"/definition/{column}", what, hint)
    for name in table:
        if name not in contracts.tasks:
            what = f"the row {name!r} has no contract"
            hint = suggestion(name, contracts.tasks, "tasks")
            yield ContractDefect(TABLE_FILE, f"/tasks/{name}", what, hint)


def check_longest_run(flow: Flow) -> Iterator[ContractDefect]:
    """Check that the workflow's time-out exceeds the longest run: all retries, all at the limit."""
    limit = flow.contracts.workflow.get("timeoutSeconds", 0)
    longest = longest_seconds(flow, flow.graph.chain)
    if limit < 1:
        what = f"timeoutSeconds is {limit}, so a hanging run never ends"
        hint = f"set it above {longest} s, the longest time that its tasks may take"
        yield ContractDefect(WORKFLOW_FILE, "/timeoutSeconds", what, hint)
    elif longest >= limit:
        what = (
            f"a run times out after {limit} s, but its tasks with all retries may take {longest} s"
        )
        hint = "raise timeoutSeconds or lower the tasks' limits"
        yield ContractDefect(WORKFLOW_FILE, "/timeoutSeconds", what, hint)


def longest_seconds(flow: Flow, chain: Sequence[StepNode]) -> int:
    """Return the longest possible time of a chain of tasks; parallel branches overlap."""
    total = 0
    for node in chain:
        match node.kind:
            case "SIMPLE":
                total += _task_seconds(flow.contracts.tasks.get(node.name))
            case "FORK_JOIN_DYNAMIC":
                total += _task_seconds(flow.contracts.tasks.get(helper_of(flow, node)[1] or ""))
            case "FORK_JOIN":
                total += max((longest_seconds(flow, branch) for branch in node.branches), default=0)
    return total


def _task_seconds(task: TaskContract | None) -> int:
    if task is None:
        return 0
    definition: Mapping[str, Any] = task.task_definition()
    retries, delay = task.retry_count, int(definition["retryDelaySeconds"])
    match definition["retryLogic"]:
        case "LINEAR_BACKOFF":
            waits = delay * retries * (retries + 1) // 2
        case "EXPONENTIAL_BACKOFF":
            waits = delay * (2**retries - 1)
        case _:
            waits = delay * retries
    return (retries + 1) * int(definition["timeoutSeconds"]) + waits

"""Static checks of the contracts, without a server.

`check_dataflow` resolves every expression of the workflow, through joins and dynamic forks, and
checks the schema of its value against the schema of the input that receives it. It also checks
names, references and time limits.

    expressions    Conductor's expressions and the schema that a JSONPath selects
    graph          the order of tasks, forks and joins
    value_schemas  the schema of an expression's value
    inputs         inputs of tasks, input and output of the workflow
    forks          dynamic forks and the inputs of their branches
    time_limits    time-outs and retries
    references     names: the workflow, clauses, events, operations
"""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.contracts.dataflow.forks import check_forks, check_plan, read_plan
from trackproof.contracts.dataflow.graph import build_graph
from trackproof.contracts.dataflow.inputs import (
    INPUT_FILE,
    check_inputs,
    check_task_types,
    check_workflow_input,
)
from trackproof.contracts.dataflow.references import (
    check_clause_values,
    check_clauses,
    check_deletions,
    check_effects,
    check_references,
    check_workflow_header,
    missing_files,
)
from trackproof.contracts.dataflow.time_limits import (
    check_longest_run,
    check_time_limits,
    read_table,
)
from trackproof.contracts.dataflow.value_schemas import Flow
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import Contracts
from trackproof.contracts.schemas.normal_forms import inline_references
from trackproof.contracts.yaml_files import check_schema, read_data

__all__ = ["check_dataflow", "missing_files"]


def check_dataflow(contracts: Contracts) -> list[ContractDefect]:
    """Return all defects of the contracts, ordered by file and pointer.

    Raises:
        ContractFileError: A required file is missing or damaged.
    """
    defects = [
        *check_workflow_header(contracts.workflow),
        *check_clauses(contracts),
        *check_references(contracts),
        *check_effects(contracts),
        *check_clause_values(contracts),
        *check_deletions(contracts),
        *check_time_limits(contracts, read_table(contracts.root)),
        *_check_flow(contracts),
    ]
    return sorted(
        dict.fromkeys(defects), key=lambda defect: (defect.file, defect.pointer, defect.what)
    )


def _check_flow(contracts: Contracts) -> Iterator[ContractDefect]:
    plan = read_plan(contracts.root)
    yield from check_plan(contracts, plan)
    input_file = contracts.root / INPUT_FILE
    start = read_data(input_file)
    check_schema(input_file, "", start)
    shapes = read_data(contracts.root / "shapes.yaml")["$defs"]
    graph, defects = build_graph(contracts.workflow["tasks"])
    yield from defects
    flow = Flow(contracts, graph, inline_references(start, shapes), plan)
    yield from check_workflow_input(flow)
    yield from check_task_types(contracts, flow)
    yield from check_inputs(flow)
    yield from check_forks(flow)
    yield from check_longest_run(flow)

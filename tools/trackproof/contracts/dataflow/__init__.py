"""Do the contracts fit together? Found out from the files alone, without a server.

`check_wiring` follows every reference of the workflow to its source and holds the schema of
what comes from there against the schema of where it goes, through joins and dynamic forks;
and it checks names, time limits and the seed's table. One module a kind of question:

    paths     what a JSONPath picks from a schema
    graph     what runs before what
    sources   what an expression yields
    feeding   tasks' inputs, the workflow's input and output
    forks     dynamic forks and their branches' inputs
    limits    time-outs and retries
    naming    the workflow's name, clauses, events, operations
"""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.contracts.dataflow.forks import check_forks, check_plan, read_plan
from trackproof.contracts.dataflow.graph import arranged
from trackproof.contracts.dataflow.inputs import (
    INPUT_FILE,
    check_definitions_used,
    check_feeding,
    check_start,
)
from trackproof.contracts.dataflow.references import (
    absent_files,
    check_clauses,
    check_deletions,
    check_effects,
    check_header,
    check_references,
    check_sentences,
)
from trackproof.contracts.dataflow.time_limits import check_limits, check_longest_run, read_table
from trackproof.contracts.dataflow.value_schemas import Flow
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import Contracts
from trackproof.contracts.schemas.normal_forms import inlined
from trackproof.contracts.yaml_files import check_schema, read_data

__all__ = ["absent_files", "check_wiring"]


def check_wiring(contracts: Contracts) -> list[ContractDefect]:
    """Return everything that does not fit, by file and place; nothing means that all does.

    Raises:
        ContractFileError: A file that the check needs is missing or damaged.
    """
    findings = [
        *check_header(contracts.workflow),
        *check_clauses(contracts),
        *check_references(contracts),
        *check_effects(contracts),
        *check_sentences(contracts),
        *check_deletions(contracts),
        *check_limits(contracts, read_table(contracts.root)),
        *_check_flow(contracts),
    ]
    return sorted(
        dict.fromkeys(findings), key=lambda found: (found.file, found.pointer, found.what)
    )


def _check_flow(contracts: Contracts) -> Iterator[ContractDefect]:
    plan = read_plan(contracts.root)
    yield from check_plan(contracts, plan)
    input_file = contracts.root / INPUT_FILE
    start = read_data(input_file)
    check_schema(input_file, "", start)
    shapes = read_data(contracts.root / "shapes.yaml")["$defs"]
    graph, findings = arranged(contracts.workflow["tasks"])
    yield from findings
    flow = Flow(contracts, graph, inlined(start, shapes), plan)
    yield from check_start(flow)
    yield from check_definitions_used(contracts, flow)
    yield from check_feeding(flow)
    yield from check_forks(flow)
    yield from check_longest_run(flow)

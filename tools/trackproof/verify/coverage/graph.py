"""The edges of the workflow: which task follows which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.load import Contracts

Edge = tuple[str, str]


def name_of(edge: Edge) -> str:
    """Return an edge as text."""
    return f"{edge[0]} → {edge[1]}"


def edges(contracts: Contracts) -> tuple[Edge, ...]:
    """Return every edge between tasks, forks and joins, by reference name.

    The branches of a dynamic fork are named by their task type: each run has its own number.
    """
    forked = {step.reference: step.task_type for step in contracts.steps if step.dynamic}
    return tuple(_along(contracts.workflow["tasks"], forked))


def _along(tasks: Sequence[Mapping[str, Any]], forked: Mapping[str, str]) -> Iterator[Edge]:
    ends: list[str] = []
    for task in tasks:
        reference = str(task["taskReferenceName"])
        for end in ends:
            yield end, reference
        ends = [reference]
        if task["type"] == "FORK_JOIN":
            ends = [str(branch[-1]["taskReferenceName"]) for branch in task["forkTasks"]]
            for branch in task["forkTasks"]:
                yield reference, str(branch[0]["taskReferenceName"])
                yield from _along(branch, forked)
        elif reference in forked:
            yield reference, forked[reference]
            ends = [forked[reference]]

"""The workflow as a graph: the order of its tasks, its forks and its joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackproof.contracts.dataflow.expressions import suggestion
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE

TASK_KINDS = ("SIMPLE", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN")


@dataclass(frozen=True, slots=True, eq=False)
class StepNode:
    """A task of the workflow."""

    raw: Mapping[str, Any]
    pointer: str
    before: Mapping[str, StepNode]
    """Tasks that have always completed when this task starts, by reference name."""
    lanes: tuple[tuple[str, int], ...]
    """The enclosing branches, outermost first: fork and branch number."""
    fork: StepNode | None = None
    """The fork of a JOIN."""
    branches: list[list[StepNode]] = field(default_factory=list)
    """The direct tasks of each branch of a fork."""

    @property
    def reference(self) -> str:
        """Its taskReferenceName."""
        return str(self.raw["taskReferenceName"])

    @property
    def name(self) -> str:
        """Its task type, for a SIMPLE task."""
        return str(self.raw["name"])

    @property
    def kind(self) -> str:
        """Its type, such as SIMPLE or JOIN."""
        return str(self.raw["type"])

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Its inputParameters."""
        return self.raw.get("inputParameters") or {}

    def runs_beside(self, other: StepNode) -> bool:
        """Return whether the tasks are in different branches of one fork."""
        mine = dict(self.lanes)
        return any(fork in mine and mine[fork] != branch for fork, branch in other.lanes)


@dataclass(frozen=True, slots=True)
class Graph:
    """All tasks of a workflow, in file order."""

    chain: list[StepNode]
    """The outermost tasks."""
    nodes: list[StepNode]
    end: Mapping[str, StepNode]
    """Tasks that have always completed when the workflow ends, by reference name."""


def build_graph(tasks: Sequence[Mapping[str, Any]]) -> tuple[Graph, list[ContractDefect]]:
    """Return the graph of `tasks` and the defects of its structure."""
    builder = _GraphBuilder()
    chain, end = builder.add_chain(tasks, "/tasks", {}, ())
    builder.defects.extend(_duplicate_names(builder.nodes))
    return Graph(chain, builder.nodes, end), builder.defects


class _GraphBuilder:
    def __init__(self) -> None:
        self.nodes: list[StepNode] = []
        self.defects: list[ContractDefect] = []

    def add_chain(
        self,
        tasks: Sequence[Mapping[str, Any]],
        pointer: str,
        before: Mapping[str, StepNode],
        lanes: tuple[tuple[str, int], ...],
    ) -> tuple[list[StepNode], Mapping[str, StepNode]]:
        """Add a chain of tasks; return its nodes and the tasks completed at its end."""
        chain: list[StepNode] = []
        fork: StepNode | None = None
        reached: list[Mapping[str, StepNode]] = []
        for index, raw in enumerate(tasks):
            joined = fork if raw["type"] == "JOIN" else None
            node = StepNode(raw, f"{pointer}/{index}", before, lanes, joined)
            chain.append(node)
            self.nodes.append(node)
            if fork is not None and joined is None:
                self._report(fork.pointer, *_missing_join(fork))
            before = {**before, node.reference: node}
            if joined is not None:
                self.defects.extend(_join_defects(node, joined))
                before = {**before, **_joined_nodes(node, joined, reached)}
            elif node.kind == "JOIN":
                self._report(
                    node.pointer,
                    f"the JOIN {node.reference!r} does not follow a fork",
                    "put it directly after its fork",
                )
            elif node.kind not in TASK_KINDS:
                known = suggestion(node.kind, TASK_KINDS, "types")
                self._report(f"{node.pointer}/type", f"unknown type {node.kind!r}", known)
            fork = node if node.kind in ("FORK_JOIN", "FORK_JOIN_DYNAMIC") else None
            reached = self._add_branches(node, before) if node.kind == "FORK_JOIN" else []
        if fork is not None:
            self._report(fork.pointer, *_missing_join(fork))
        return chain, before

    def _add_branches(
        self, fork: StepNode, before: Mapping[str, StepNode]
    ) -> list[Mapping[str, StepNode]]:
        reached = []
        branches = fork.raw.get("forkTasks") or []
        if not branches:
            self._report(fork.pointer, "the fork has no branches", "add forkTasks")
        for index, tasks in enumerate(branches):
            pointer = f"{fork.pointer}/forkTasks/{index}"
            lanes = (*fork.lanes, (fork.reference, index))
            chain, end = self.add_chain(tasks, pointer, before, lanes)
            if not chain:
                self._report(pointer, "the branch is empty", "add a task or remove the branch")
            fork.branches.append(chain)
            reached.append(end)
        return reached

    def _report(self, pointer: str, what: str, hint: str) -> None:
        self.defects.append(ContractDefect(WORKFLOW_FILE, pointer, what, hint))


def _missing_join(fork: StepNode) -> tuple[str, str]:
    return (
        f"no JOIN follows the fork {fork.reference!r}",
        "put a JOIN directly after it",
    )


def _joined_nodes(
    join: StepNode, fork: StepNode, reached: Sequence[Mapping[str, StepNode]]
) -> Mapping[str, StepNode]:
    waited_for = set(join.raw.get("joinOn") or ())
    completed: dict[str, StepNode] = {}
    for branch, end in zip(fork.branches, reached, strict=True):
        if branch and branch[-1].reference in waited_for:
            completed |= end
    return completed


def _join_defects(join: StepNode, fork: StepNode) -> Iterator[ContractDefect]:
    named = join.raw.get("joinOn") or []
    pointer = f"{join.pointer}/joinOn" if "joinOn" in join.raw else join.pointer
    if fork.kind == "FORK_JOIN_DYNAMIC":
        if named:
            what = f"joinOn is {', '.join(named)}, but a dynamic fork defines its own branches"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, "remove joinOn")
        return
    last = [branch[-1].reference for branch in fork.branches if branch]
    for index, reference in enumerate(named):
        if reference not in last:
            what = f"joinOn has {reference!r}, which is not the end of a branch"
            yield ContractDefect(
                WORKFLOW_FILE, f"{pointer}/{index}", what, suggestion(reference, last, "last tasks")
            )
    for reference in last:
        if reference not in named:
            what = f"joinOn lacks {reference!r}, the last task of a branch"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, f"add {reference!r}")


def _duplicate_names(nodes: Sequence[StepNode]) -> Iterator[ContractDefect]:
    first: dict[str, str] = {}
    for node in nodes:
        pointer = f"{node.pointer}/taskReferenceName"
        if node.reference in first:
            what = f"duplicate reference name {node.reference!r}, see {first[node.reference]}"
            yield ContractDefect(WORKFLOW_FILE, pointer, what, "rename one of the tasks")
        first.setdefault(node.reference, pointer)

"""The workflow as a graph: what runs before what, and which joins wait for which branches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackproof.contracts.dataflow.expressions import advice
from trackproof.contracts.errors import ContractDefect
from trackproof.contracts.load import WORKFLOW_FILE

TASK_KINDS = ("SIMPLE", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN")


@dataclass(frozen=True, slots=True, eq=False)
class StepNode:
    """One task of the workflow."""

    raw: Mapping[str, Any]
    pointer: str
    before: Mapping[str, StepNode]
    """What has surely run when this task starts, by reference name."""
    lanes: tuple[tuple[str, int], ...]
    """The branches it stands in, from the outside in: fork and branch number."""
    fork: StepNode | None = None
    """What a JOIN joins."""
    branches: list[list[StepNode]] = field(default_factory=list)
    """A fork's branches: the tasks that stand directly in them."""

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
        """Say whether both stand in different branches of one fork."""
        mine = dict(self.lanes)
        return any(fork in mine and mine[fork] != branch for fork, branch in other.lanes)


@dataclass(frozen=True, slots=True)
class Graph:
    """All tasks of a workflow, in the order in which they are written."""

    chain: list[StepNode]
    """The outermost tasks."""
    nodes: list[StepNode]
    end: Mapping[str, StepNode]
    """What has surely run when the workflow ends."""


def arranged(tasks: Sequence[Mapping[str, Any]]) -> tuple[Graph, list[ContractDefect]]:
    """Return the graph of `tasks` and what is wrong with its shape."""
    walk = _Walk()
    chain, end = walk.along(tasks, "/tasks", {}, ())
    walk.findings.extend(_repeated(walk.nodes))
    return Graph(chain, walk.nodes, end), walk.findings


class _Walk:
    def __init__(self) -> None:
        self.nodes: list[StepNode] = []
        self.findings: list[ContractDefect] = []

    def along(
        self,
        tasks: Sequence[Mapping[str, Any]],
        place: str,
        before: Mapping[str, StepNode],
        lanes: tuple[tuple[str, int], ...],
    ) -> tuple[list[StepNode], Mapping[str, StepNode]]:
        """Follow one chain of tasks; return it and what has surely run at its end."""
        chain: list[StepNode] = []
        fork: StepNode | None = None
        reached: list[Mapping[str, StepNode]] = []
        for index, raw in enumerate(tasks):
            joined = fork if raw["type"] == "JOIN" else None
            node = StepNode(raw, f"{place}/{index}", before, lanes, joined)
            chain.append(node)
            self.nodes.append(node)
            if fork is not None and joined is None:
                self._report(fork.pointer, *_unjoined(fork))
            before = {**before, node.reference: node}
            if joined is not None:
                self.findings.extend(_wrong_joins(node, joined))
                before = {**before, **_joined(node, joined, reached)}
            elif node.kind == "JOIN":
                self._report(
                    node.pointer,
                    f"the JOIN {node.reference!r} does not follow a fork, so it waits for nothing",
                    "put it right after its fork",
                )
            elif node.kind not in TASK_KINDS:
                known = advice(node.kind, TASK_KINDS, "types")
                self._report(f"{node.pointer}/type", f"the type {node.kind!r} is not known", known)
            fork = node if node.kind in ("FORK_JOIN", "FORK_JOIN_DYNAMIC") else None
            reached = self._into(node, before) if node.kind == "FORK_JOIN" else []
        if fork is not None:
            self._report(fork.pointer, *_unjoined(fork))
        return chain, before

    def _into(self, fork: StepNode, before: Mapping[str, StepNode]) -> list[Mapping[str, StepNode]]:
        reached = []
        branches = fork.raw.get("forkTasks") or []
        if not branches:
            self._report(fork.pointer, "the fork has no branches", "give it forkTasks")
        for index, tasks in enumerate(branches):
            place = f"{fork.pointer}/forkTasks/{index}"
            lanes = (*fork.lanes, (fork.reference, index))
            chain, end = self.along(tasks, place, before, lanes)
            if not chain:
                self._report(place, "the branch is empty", "give it a task, or take it out")
            fork.branches.append(chain)
            reached.append(end)
        return reached

    def _report(self, place: str, what: str, hint: str) -> None:
        self.findings.append(ContractDefect(WORKFLOW_FILE, place, what, hint))


def _unjoined(fork: StepNode) -> tuple[str, str]:
    return (
        f"no JOIN follows the fork {fork.reference!r}, so nothing waits for its branches",
        "put a JOIN right after it",
    )


def _joined(
    join: StepNode, fork: StepNode, reached: Sequence[Mapping[str, StepNode]]
) -> Mapping[str, StepNode]:
    waited_for = set(join.raw.get("joinOn") or ())
    found: dict[str, StepNode] = {}
    for branch, end in zip(fork.branches, reached, strict=True):
        if branch and branch[-1].reference in waited_for:
            found |= end
    return found


def _wrong_joins(join: StepNode, fork: StepNode) -> Iterator[ContractDefect]:
    named = join.raw.get("joinOn") or []
    place = f"{join.pointer}/joinOn" if "joinOn" in join.raw else join.pointer
    if fork.kind == "FORK_JOIN_DYNAMIC":
        if named:
            what = f"joinOn names {', '.join(named)}, but a dynamic fork names its own branches"
            yield ContractDefect(WORKFLOW_FILE, place, what, "leave joinOn out")
        return
    last = [branch[-1].reference for branch in fork.branches if branch]
    for index, reference in enumerate(named):
        if reference not in last:
            what = f"joinOn names {reference!r}, which ends no branch of {fork.reference!r}"
            yield ContractDefect(
                WORKFLOW_FILE, f"{place}/{index}", what, advice(reference, last, "last tasks")
            )
    for reference in last:
        if reference not in named:
            what = f"joinOn leaves out {reference!r}, the last task of a branch"
            yield ContractDefect(WORKFLOW_FILE, place, what, f"add {reference!r}")


def _repeated(nodes: Sequence[StepNode]) -> Iterator[ContractDefect]:
    first: dict[str, str] = {}
    for node in nodes:
        place = f"{node.pointer}/taskReferenceName"
        if node.reference in first:
            what = (
                f"the reference name {node.reference!r} stands at {first[node.reference]} already"
            )
            yield ContractDefect(WORKFLOW_FILE, place, what, "give each task a name of its own")
        first.setdefault(node.reference, place)

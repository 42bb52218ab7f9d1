"""Comparison of two versions of the workflow definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.compat.changes import (
    DESCRIPTIVE_REASON,
    Change,
    differences,
    format_optional,
    join_pointer,
    json_equal,
    unclassified,
)

Data = Mapping[str, Any]
_DESCRIPTIVE = {"description", "ownerEmail", "version"}


def workflow_changes(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    """Yield all differences between two versions of the workflow."""
    for key, before, after, here in differences(old, new, pointer):
        match key:
            case "tasks" if before and after:
                yield from _steps(before, after, here)
            case "outputParameters" if isinstance(before, dict) and isinstance(after, dict):
                yield from _outputs(before, after, here)
            case "inputParameters" if before and after and sorted(before) == sorted(after):
                yield Change(here, "the order changed", "compatible", "Inputs are named.")
            case "timeoutSeconds" if before and after:
                yield _limit(here, before, after)
            case _ if key in _DESCRIPTIVE:
                reason = "Fleets and consumers depend on the workflow's name and steps only."
                what = f"{format_optional(before)} became {format_optional(after)}"
                yield Change(here, what, "compatible", reason)
            case _:
                yield unclassified(here, before, after)


def _limit(pointer: str, old: int, new: int) -> Change:
    if new > old:
        reason = "Runs have more time."
        return Change(pointer, f"raised from {old} to {new} s", "compatible", reason)
    reason = "Runs within the old limit may time out."
    example = f"a run of {new + (old - new) / 2:g} s"
    return Change(pointer, f"lowered from {old} to {new} s", "consumers only", reason, example)


def _outputs(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for name, before, after, here in differences(old, new, pointer):
        if name not in new:
            reason = "Consumers that read the output fail."
            yield Change(here, f"the output {name} was removed", "breaking", reason, name)
        elif name not in old:
            reason = "Consumers ignore unknown outputs."
            yield Change(here, f"the output {name} was added", "compatible", reason)
        else:
            what = f"{format_optional(before)} became {format_optional(after)}"
            reason = "The source of the value changed, so the value may differ."
            yield Change(here, what, "breaking", reason, format_optional(after))


def _steps(old: Sequence[Data], new: Sequence[Data], pointer: str) -> Iterator[Change]:
    before, after = dict(_steps_by_name(old, pointer)), dict(_steps_by_name(new, pointer))
    for name, (here, task) in before.items():
        if name not in after:
            reason = "The task no longer runs."
            what = f"the step {name} ({task.get('name')}) was removed"
            yield Change(here, what, "breaking", reason, name)
    for name, (here, task) in after.items():
        if name not in before:
            reason = "Fleets already serve the task type; a new task type is reported separately."
            what = f"the step {name} ({task.get('name')}) was added"
            yield Change(here, what, "compatible", reason)
        else:
            yield from _step(before[name][1], task, here)
    common = [[name for name in own if name in other] for own, other in
            ((before, after), (after, before))]  # fmt: skip
    if common[0] != common[1]:
        moved = next(name for name, other in zip(*common, strict=True) if name != other)
        reason = "Steps depend on earlier steps, and progress events follow their order."
        yield Change(pointer, "the order of the steps changed", "breaking", reason, moved)


def _steps_by_name(tasks: Sequence[Data], pointer: str) -> Iterator[tuple[str, tuple[str, Data]]]:
    """Yield every step by its reference name; the branches of a fork follow it."""
    for index, task in enumerate(tasks):
        here = join_pointer(pointer, index)
        yield str(task.get("taskReferenceName", here)), (here, task)
        for number, branch in enumerate(task.get("forkTasks", ())):
            yield from _steps_by_name(branch, join_pointer(here, "forkTasks", number))


def _step(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for key, before, after, here in differences(old, new, pointer):
        if key == "forkTasks":
            continue
        what = f"{format_optional(before)} became {format_optional(after)}"
        if key == "inputParameters" and new.get("type") == "SIMPLE":
            reason = "The source of an input changed; `contracts check` verifies its type."
            yield Change(here, what, "compatible", reason)
        elif key == "optional" and after:
            reason = "A COMPLETED run may lack the step's result."
            yield Change(here, what, "breaking", reason, "a run in which it failed")
        elif key == "optional":
            reason = "A failure of the step fails the run."
            yield Change(here, what, "breaking", reason, "a run in which it failed")
        elif key == "description":
            yield Change(here, what, "compatible", DESCRIPTIVE_REASON)
        else:
            yield unclassified(here, before, after)
    branches = [[_names(branch) for branch in task.get("forkTasks", ())] for task in (old, new)]
    if not json_equal(*branches):
        reason = "The parallel branches changed."
        what = f"{format_optional(branches[0])} became {format_optional(branches[1])}"
        yield Change(
            join_pointer(pointer, "forkTasks"),
            what,
            "breaking",
            reason,
            format_optional(branches[1]),
        )


def _names(branch: Sequence[Data]) -> list[str]:
    return [str(task.get("taskReferenceName")) for task in branch]

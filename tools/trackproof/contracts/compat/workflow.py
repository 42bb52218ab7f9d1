"""Two versions of the workflow, in Conductor's own JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trackproof.contracts.compat.changes import (
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
    """Return every difference between two versions of the workflow."""
    for key, before, after, here in differences(old, new, pointer):
        match key:
            case "tasks" if before and after:
                yield from _steps(before, after, here)
            case "outputParameters" if isinstance(before, dict) and isinstance(after, dict):
                yield from _outputs(before, after, here)
            case "inputParameters" if before and after and sorted(before) == sorted(after):
                yield Change(here, "the order changed", "compatible", "Inputs go by their names.")
            case "timeoutSeconds" if before and after:
                yield _limit(here, before, after)
            case _ if key in _DESCRIPTIVE:
                reason = "Fleets and consumers go by the workflow's name and its steps."
                what = f"{format_optional(before)} became {format_optional(after)}"
                yield Change(here, what, "compatible", reason)
            case _:
                yield unclassified(here, before, after)


def _limit(pointer: str, old: int, new: int) -> Change:
    if new > old:
        reason = "A run has more time."
        return Change(pointer, f"raised from {old} to {new} s", "compatible", reason)
    reason = "A fleet within the old limit may have its run ended now."
    example = f"a run of {new + (old - new) / 2:g} s"
    return Change(pointer, f"lowered from {old} to {new} s", "consumers only", reason, example)


def _outputs(old: Data, new: Data, pointer: str) -> Iterator[Change]:
    for name, before, after, here in differences(old, new, pointer):
        if name not in new:
            reason = "Who reads the run's output does not find it."
            yield Change(here, f"the output {name} was removed", "breaking", reason, name)
        elif name not in old:
            reason = "Who does not know it ignores it."
            yield Change(here, f"the output {name} was added", "compatible", reason)
        else:
            what = f"{format_optional(before)} became {format_optional(after)}"
            reason = "It comes from another pointer, so it may be another value."
            yield Change(here, what, "breaking", reason, format_optional(after))


def _steps(old: Sequence[Data], new: Sequence[Data], pointer: str) -> Iterator[Change]:
    before, after = dict(_steps_by_name(old, pointer)), dict(_steps_by_name(new, pointer))
    for name, (here, task) in before.items():
        if name not in after:
            reason = "What it did is not done any more."
            what = f"the step {name} ({task.get('name')}) was removed"
            yield Change(here, what, "breaking", reason, name)
    for name, (here, task) in after.items():
        if name not in before:
            reason = "A fleet that serves its task type serves it too; a new type is told apart."
            what = f"the step {name} ({task.get('name')}) was added"
            yield Change(here, what, "compatible", reason)
        else:
            yield from _step(before[name][1], task, here)
    common = [[name for name in own if name in other] for own, other in
            ((before, after), (after, before))]  # fmt: skip
    if common[0] != common[1]:
        moved = next(name for name, other in zip(*common, strict=True) if name != other)
        reason = "Steps rely on what was done before them, and progress is told in this order."
        yield Change(pointer, "the order of the steps changed", "breaking", reason, moved)


def _steps_by_name(tasks: Sequence[Data], pointer: str) -> Iterator[tuple[str, tuple[str, Data]]]:
    """Yield every step by its reference name, those of forks after the fork they are in."""
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
            reason = "The task gets its input from elsewhere; that it fits is checked apart."
            yield Change(here, what, "compatible", reason)
        elif key == "optional" and after:
            reason = "A run that is COMPLETED need not have done it."
            yield Change(here, what, "breaking", reason, "a run in which it failed")
        elif key == "optional":
            reason = "Its failure fails the run."
            yield Change(here, what, "breaking", reason, "a run in which it failed")
        elif key == "description":
            yield Change(here, what, "compatible", "It describes; it demands nothing.")
        else:
            yield unclassified(here, before, after)
    branches = [[_names(branch) for branch in task.get("forkTasks", ())] for task in (old, new)]
    if not json_equal(*branches):
        reason = "What runs side by side changed."
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

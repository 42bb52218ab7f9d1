"""Mutants of generate_dynamic_fork_tasks."""

from __future__ import annotations

from typing import Any

from reference_workers.errors import PermanentError
from reference_workers.workers import Worker
from tests.mutants.model import Collection
from tests.mutants.patches import around, change_input, change_output

TASK = "generate_dynamic_fork_tasks"

mutant = Collection(TASK)


@mutant("branches")
def last_branch_lost() -> None:
    """The last track has no branch."""

    def shorter(out: dict[str, Any]) -> None:
        last = out["tasks"][-1]["taskReferenceName"]
        out["tasks"] = out["tasks"][:-1]
        out["inputs"].pop(last)

    change_output(TASK, shorter)


@mutant("branches")
def counted_from_one() -> None:
    """The names of the branches count from 1."""

    def renamed(out: dict[str, Any]) -> None:
        names = [task["taskReferenceName"] for task in out["tasks"]]
        new = [f"{name.rpartition('_')[0]}_{index + 1}" for index, name in enumerate(names)]
        out["tasks"] = [
            {**task, "taskReferenceName": name}
            for task, name in zip(out["tasks"], new, strict=True)
        ]
        out["inputs"] = {name: out["inputs"][old] for old, name in zip(names, new, strict=True)}

    change_output(TASK, renamed)


@mutant("branches")
def at_most_eight() -> None:
    """Tracks after the eighth have no branch."""
    change_output(TASK, lambda out: out.update(tasks=out["tasks"][:8]))


@mutant("inputs")
def first_track_for_all() -> None:
    """Every branch has the key or URL of the first track."""

    def same(out: dict[str, Any]) -> None:
        first = out["inputs"][out["tasks"][0]["taskReferenceName"]]
        for own in out["inputs"].values():
            for name in ("s3_key", "audio_url"):
                if name in first:
                    own[name] = first[name]

    change_output(TASK, same)


@mutant("inputs")
def transcript_forgotten() -> None:
    """The inputs of the branches lack transcript_id."""

    def without(out: dict[str, Any]) -> None:
        for own in out["inputs"].values():
            own.pop("transcript_id", None)

    change_output(TASK, without)


@mutant("both-types")
def padding_only() -> None:
    """The task type transcribe_track is not supported."""

    def make(work: Worker) -> Worker:
        def picky(context: Any, *, task_type: str, **inputs: Any) -> dict[str, Any]:
            if task_type != "pad_track":
                raise PermanentError(f"unknown task type {task_type}")
            return work(context, task_type=task_type, **inputs)

        return picky

    around(TASK, make)


def _by_position(padded: Any, order: Any) -> Any:
    """Set each entry's track_index to its position in the ordered map of a JOIN."""
    if not isinstance(padded, dict):
        return padded
    return {
        name: {**padded[name], "track_index": index} for index, name in enumerate(order(padded))
    }


@mutant("by-index")
def join_order_trusted() -> None:
    """The JOIN's map is read in the order in which it arrives."""
    change_input(
        TASK, lambda given: given.update(padded_tracks=_by_position(given["padded_tracks"], list))
    )


@mutant("by-index")
def join_sorted_as_text() -> None:
    """The JOIN's map is sorted by name, with track 10 before track 2."""
    change_input(
        TASK, lambda given: given.update(padded_tracks=_by_position(given["padded_tracks"], sorted))
    )

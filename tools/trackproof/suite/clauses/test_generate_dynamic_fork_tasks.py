"""Clauses of contracts/tasks/generate_dynamic_fork_tasks.yaml."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "generate_dynamic_fork_tasks"
TRANSCRIPT = "transcript-of-a-fork"


def tracks(count: int) -> list[dict[str, str]]:
    return [{"s3_key": f"acme/room/track-{index}-cam-audio-1"} for index in range(count)]


def padded(count: int, *, backwards: bool = False) -> dict[str, dict[str, Any]]:
    """Return what a JOIN gives; its order is nobody's promise."""
    order = reversed(range(count)) if backwards else range(count)
    return {
        f"pad_track_{index}": {
            "padded_url": f"http://s3.test/padded-{index}",
            "size": 1,
            "track_index": index,
        }
        for index in order
    }


def forked(harness: Harness, task_type: str, count: int, **fields: Any) -> TaskRun:
    common = {"tracks": tracks(count), "task_type": task_type, "transcript_id": TRANSCRIPT}
    own = (
        {"bucket_name": "recordings"}
        if task_type == "pad_track"
        else {"padded_tracks": padded(count), "language": "fr"}
    )
    return harness.run_task(TASK, {**common, **own, **fields})


@pytest.mark.clause("generate_dynamic_fork_tasks.branches")
@pytest.mark.parametrize("count", [1, 2, 12, 64])
def test_there_is_one_branch_a_track(count: int, harness: Harness) -> None:
    run = forked(harness, "pad_track", count)

    names = [f"pad_track_{index}" for index in range(count)]
    expect(run.output.get("tasks"), "tasks").equals(
        [{"name": "pad_track", "taskReferenceName": name, "type": "SIMPLE"} for name in names]
    )
    expect(set(run.output.get("inputs") or {}), "inputs").equals(set(names))


@pytest.mark.clause("generate_dynamic_fork_tasks.inputs")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_each_branchs_input_fits_its_task_and_is_its_own(task_type: str, harness: Harness) -> None:
    run = forked(harness, task_type, 3)

    inputs = run.output.get("inputs") or {}
    schema = jsonschema_rs.Draft202012Validator(load_contracts().tasks[task_type].input)
    wrong = {
        name: error.message for name, own in inputs.items() for error in schema.iter_errors(own)
    }
    expect(wrong, "inputs that break their task's contract").equals({})
    place, value = ("s3_key", "acme/room/track-{}-cam-audio-1") if task_type == "pad_track" else (
        "audio_url", "http://s3.test/padded-{}")  # fmt: skip
    expect({name: own.get(place) for name, own in inputs.items()}, place).equals(
        {f"{task_type}_{index}": value.format(index) for index in range(3)}
    )
    expect({own.get("transcript_id") for own in inputs.values()}, "transcript_id").equals(
        {TRANSCRIPT}
    )


@pytest.mark.clause("generate_dynamic_fork_tasks.both-types")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_both_task_types_are_served(task_type: str, harness: Harness) -> None:
    run = forked(harness, task_type, 2)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect({one.get("name") for one in run.output.get("tasks") or []}, "names").equals({task_type})


@pytest.mark.clause("generate_dynamic_fork_tasks.by-index")
@pytest.mark.parametrize("backwards", [False, True])
def test_a_branch_gets_the_padded_track_of_its_own_index(backwards: bool, harness: Harness) -> None:
    # From 10 tracks on, the order by name is another one: 10 comes before 2.
    run = forked(harness, "transcribe_track", 12, padded_tracks=padded(12, backwards=backwards))

    inputs = run.output.get("inputs") or {}
    expect({name: own.get("audio_url") for name, own in inputs.items()}, "audio_url").equals(
        {f"transcribe_track_{index}": f"http://s3.test/padded-{index}" for index in range(12)}
    )

"""Clauses of contracts/tasks/generate_dynamic_fork_tasks.yaml."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from trackproof.contracts.load import load_contracts
from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.ids import new_id
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.odd_texts import ODD_TEXTS
from trackproof.suite.harness import Harness

TASK = "generate_dynamic_fork_tasks"
TRANSCRIPT_ID = "transcript-of-a-fork"

BRANCH_SOURCES = {
    "pad_track": ("s3_key", "acme/room/track-{}-cam-audio-1"),
    "transcribe_track": ("audio_url", "http://s3.test/padded-{}"),
}
"""The input field of each task type that differs from branch to branch, and its value."""


def make_tracks(count: int) -> list[dict[str, str]]:
    return [{"s3_key": f"acme/room/track-{index}-cam-audio-1"} for index in range(count)]


def join_output(count: int, *, reverse: bool = False) -> dict[str, dict[str, Any]]:
    """Return padded tracks as a JOIN does: a map whose order no server version guarantees."""
    order = reversed(range(count)) if reverse else range(count)
    return {
        f"pad_track_{index}": {
            "padded_url": f"http://s3.test/padded-{index}",
            "size": 1,
            "track_index": index,
        }
        for index in order
    }


def generate_fork(harness: Harness, task_type: str, count: int, **fields: Any) -> TaskRun:
    common = {"tracks": make_tracks(count), "task_type": task_type, "transcript_id": TRANSCRIPT_ID}
    specific = (
        {"bucket_name": "recordings"}
        if task_type == "pad_track"
        else {"padded_tracks": join_output(count), "language": "fr"}
    )
    return harness.run_task(TASK, {**common, **specific, **fields})


def branch_number(task: dict[str, Any]) -> int:
    """Return the number of a branch by its name; no order of the list is promised."""
    number = str(task.get("taskReferenceName")).rpartition("_")[2]
    return int(number) if number.isdecimal() else -1


def inputs_of(run: TaskRun) -> dict[str, Any]:
    return run.output.get("inputs") or {}


@pytest.mark.clause("generate_dynamic_fork_tasks.branches")
@pytest.mark.parametrize("count", [1, 2, 12, 64])
def test_each_track_has_one_branch(count: int, harness: Harness) -> None:
    run = generate_fork(harness, "pad_track", count)

    names = [f"pad_track_{index}" for index in range(count)]
    tasks = sorted(run.output.get("tasks") or [], key=branch_number)
    expect(tasks, "tasks, by the number of their branch").has(
        [{"name": "pad_track", "taskReferenceName": name, "type": "SIMPLE"} for name in names]
    )
    expect(set(inputs_of(run)), "branches with inputs").equals(set(names))


@pytest.mark.clause("generate_dynamic_fork_tasks.inputs")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_each_branch_gets_a_valid_input_of_its_own(task_type: str, harness: Harness) -> None:
    run = generate_fork(harness, task_type, 3)

    inputs = inputs_of(run)
    schema = jsonschema_rs.Draft202012Validator(load_contracts().tasks[task_type].input)
    violations = {
        name: error.message
        for name, branch in inputs.items()
        for error in schema.iter_errors(branch)
    }
    expect(violations, f"violations of the input schema of {task_type}").equals({})
    field, value = BRANCH_SOURCES[task_type]
    expect({name: branch.get(field) for name, branch in inputs.items()}, field).equals(
        {f"{task_type}_{index}": value.format(index) for index in range(3)}
    )
    expect({branch.get("transcript_id") for branch in inputs.values()}, "transcript_id").equals(
        {TRANSCRIPT_ID}
    )


@pytest.mark.clause("generate_dynamic_fork_tasks.both-types")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_both_task_types_are_supported(task_type: str, harness: Harness) -> None:
    run = generate_fork(harness, task_type, 2)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    names = {task.get("name") for task in run.output.get("tasks") or []}
    expect(names, "task types of the branches").equals({task_type})


@pytest.mark.clause("generate_dynamic_fork_tasks.by-index")
@pytest.mark.parametrize("reverse", [False, True])
def test_each_branch_gets_the_padded_track_of_its_index(reverse: bool, harness: Harness) -> None:
    # With 10 or more tracks the order by name differs: 10 precedes 2.
    padded_tracks = join_output(12, reverse=reverse)

    run = generate_fork(harness, "transcribe_track", 12, padded_tracks=padded_tracks)

    urls = {name: branch.get("audio_url") for name, branch in inputs_of(run).items()}
    expect(urls, "audio_url").equals(
        {f"transcribe_track_{index}": f"http://s3.test/padded-{index}" for index in range(12)}
    )


@pytest.mark.clause("generate_dynamic_fork_tasks.missing-inputs")
@pytest.mark.parametrize("missing", ["bucket_name", "padded_tracks", "one padded track"])
def test_a_branch_without_its_inputs_fails_terminally(missing: str, harness: Harness) -> None:
    meeting = harness.meeting(tracks=2)
    padded = join_output(1 if missing == "one padded track" else 2)
    payload: dict[str, Any] = {
        "tracks": [{"s3_key": key} for key in meeting.track_keys],
        "transcript_id": meeting.transcript_id,
        "task_type": "pad_track" if missing == "bucket_name" else "transcribe_track",
        "bucket_name": None if missing == "bucket_name" else RECORDING_BUCKET,
        "padded_tracks": None if missing == "padded_tracks" else padded,
    }

    run = harness.run_task(TASK, payload)

    expect(run.statuses, f"attempt statuses without {missing}").equals(
        ["FAILED_WITH_TERMINAL_ERROR"]
    )


ODD_KEYS = (
    *(f"acme/{text}-cam-audio-1" for text in ODD_TEXTS),
    "/leading//double/ space+plus%20percent?query#hash",
    "..",
    "acme/equal",
    "acme/equal",
)


@pytest.mark.clause("generate_dynamic_fork_tasks.exact-inputs")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_each_input_has_exactly_its_fields(task_type: str, harness: Harness) -> None:
    count = len(ODD_KEYS)
    transcript_id = f"{ODD_TEXTS[0]} {new_id()}"
    urls = [
        f"http://s3.test/padded-{index}?X-Amz-Signature={key}" for index, key in enumerate(ODD_KEYS)
    ]
    padded = join_output(count + 2, reverse=True)
    for index, url in enumerate(urls):
        padded[f"pad_track_{index}"]["padded_url"] = url

    run = harness.run_task(
        TASK,
        tracks=[{"s3_key": key} for key in ODD_KEYS],
        task_type=task_type,
        transcript_id=transcript_id,
        bucket_name="bucket-1",
        padded_tracks=padded,
        language="zh-Hant-TW",
    )

    own: list[dict[str, Any]] = (
        [{"s3_key": key, "bucket_name": "bucket-1"} for key in ODD_KEYS]
        if task_type == "pad_track"
        else [{"audio_url": url, "language": "zh-Hant-TW"} for url in urls]
    )
    expect(inputs_of(run), "inputs").equals(
        {
            f"{task_type}_{index}": {"track_index": index, "transcript_id": transcript_id, **one}
            for index, one in enumerate(own)
        }
    )
    tasks = sorted(run.output.get("tasks") or [], key=branch_number)
    expect([one.get("taskReferenceName") for one in tasks], "names of the branches").equals(
        [f"{task_type}_{index}" for index in range(count)]
    )
    expect({(one.get("name"), one.get("type")) for one in tasks}, "name and type").equals(
        {(task_type, "SIMPLE")}
    )


@pytest.mark.clause("generate_dynamic_fork_tasks.exact-inputs")
@pytest.mark.parametrize("task_type", ["pad_track", "transcribe_track"])
def test_no_tracks_give_no_branches(task_type: str, harness: Harness) -> None:
    run = generate_fork(harness, task_type, 0)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").has({"tasks": [], "inputs": {}})

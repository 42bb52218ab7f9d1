"""The meetings of the pipeline clauses, and readers of their runs and definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from tempfile import mkdtemp
from typing import Any

from fixtures_audio.recorders import write_recorders
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, Side, check
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.scenario import Scenario
from trackproof.suite.harness import Harness

TRACK_COUNTS = {"1 track": 1, "2 tracks": 2, "3 tracks": 3, "12 tracks": 12}
"""With 10 or more tracks, branches sorted by name are no longer in order of track_index."""

REFUSED_WEBHOOK, BROKEN_TRACK = "refused webhook", "broken track"
HARD_RECORDINGS = "hard recordings"

EMPTY_OUTPUTS = frozenset({"audio_deleted"})
"""Outputs of the workflow that are false or null after a meeting with words."""

VOLATILE_FIELDS = frozenset({"createTime", "updateTime", "createdBy", "updatedBy"})
"""Fields of a definition that the server sets at each registration."""


def prepare_meetings(harness: Harness) -> dict[str, Scenario]:
    """Prepare a meeting for each track count, and one for each failure, by name."""
    meetings = {
        name: harness.meeting(tracks=tracks, seed=200 + tracks)
        for name, tracks in TRACK_COUNTS.items()
    }
    refused = harness.meeting(seed=221)
    harness.break_service("webhook", path=f"*{refused.room_name}*", status=404)
    no_audio = harness.testbed.folder / "no-audio"
    no_audio.write_bytes(b"<html>" * 999)
    broken = harness.meeting(tracks=2, seed=222, audio={1: no_audio})
    hard = harness.meeting(recorded=write_recorders(mkdtemp(dir=harness.testbed.folder)))
    return meetings | {REFUSED_WEBHOOK: refused, BROKEN_TRACK: broken, HARD_RECORDINGS: hard}


def registered_definitions(harness: Harness) -> dict[str, Any]:
    """Return all task definitions and the workflow from the server by name."""
    rest = harness.testbed.rest
    name = load_contracts().workflow["name"]
    workflow = rest.workflow_definition(name)
    definitions = (*rest.task_definitions(), *([workflow] if workflow else []))
    return {
        one["name"]: {key: value for key, value in one.items() if key not in VOLATILE_FIELDS}
        for one in definitions
    }


def worker_task_types(tasks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the type of every worker task in a workflow definition, those in forks included."""
    for task in tasks:
        if task["type"] == "SIMPLE":
            yield task["name"]
        for branch in task.get("forkTasks") or []:
            yield from worker_task_types(branch)
        if branch_type := (task.get("inputParameters") or {}).get("task_type"):
            yield branch_type


def optional_by_step(tasks: list[dict[str, Any]]) -> dict[str, bool]:
    """Return whether each step of a workflow definition is optional, by reference name."""
    steps = {task["taskReferenceName"]: bool(task.get("optional")) for task in tasks}
    for task in tasks:
        for branch in task.get("forkTasks") or []:
            steps |= optional_by_step(branch)
    return steps


def answers_of_webhook(run: PipelineRun) -> list[int | None]:
    """Return the status of each answer of the room's webhook, oldest first."""
    path = f"/{run.evidence.scenario.room_name}"
    return [
        request.status
        for request in run.evidence.requests
        if request.service == "webhook" and request.path == path
    ]


def contract_violations(run: PipelineRun, side: Side) -> list[str]:
    """Return one line for each task of a run whose input or output violates its contract."""
    lines = (_violation(task, side) for task in run.tasks)
    return [line for line in lines if line]


def _violation(task: Mapping[str, Any], side: Side) -> str:
    payload = task["inputData"] if side == "input" else task["outputData"]
    try:
        check(task["taskDefName"], side, payload)
    except ContractViolationError as error:
        return f"{task['referenceTaskName']}: {error}"
    return ""


def status_events(run: PipelineRun) -> list[Mapping[str, Any]]:
    """Return the data of every STATUS event, oldest first."""
    return [data for name, data in run.evidence.events if name == "STATUS"]


def expected_output(run: PipelineRun) -> dict[str, Any]:
    """Return the workflow's output as outputParameters compose it from the task outputs."""
    output = {}
    for name, source in load_contracts().workflow["outputParameters"].items():
        reference, side, field = re.findall(r"\w+", source)
        data = (run.evidence.task(reference) or {}).get(f"{side}Data") or {}
        if reference == "workflow":
            data = run.evidence.scenario.workflow_input()
        output[name] = data.get(field)
    return output

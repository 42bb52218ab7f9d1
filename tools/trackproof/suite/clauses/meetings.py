"""The meetings of the pipeline clauses, and readers of their runs and definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from tempfile import mkdtemp
from typing import Any

import pytest

from fixtures_audio.recorders import write_recorders
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, Side, check
from trackproof.fleet.translation.definitions import definitions
from trackproof.runs.equality import contains_value
from trackproof.runs.ids import names_id
from trackproof.runs.json_text import as_json
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.scenario import Scenario
from trackproof.suite.fork_inputs import branch_inputs
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.registration import is_registered
from trackproof.testbed.conductor.rest import ConductorRest

TRACK_COUNTS = {"1 track": 1, "2 tracks": 2, "3 tracks": 3, "12 tracks": 12}
"""With 10 or more tracks, branches sorted by name are no longer in order of track_index."""

REFUSED_DELIVERIES, BROKEN_TRACK = "refused deliveries", "broken track"
NO_STREAM = '{"result": "error", "msg": "Channel does not exist", "code": "STREAM_DOES_NOT_EXIST"}'
"""Zulip's answer to a message for a stream that does not exist."""

HARD_RECORDINGS = "hard recordings"

COMPLETING = (*TRACK_COUNTS, REFUSED_DELIVERIES)

every_meeting = pytest.mark.parametrize("meeting", [*COMPLETING, BROKEN_TRACK])
every_completing_meeting = pytest.mark.parametrize("meeting", COMPLETING)
every_track_count = pytest.mark.parametrize("meeting", TRACK_COUNTS)

EMPTY_OUTPUTS = frozenset({"audio_deleted"})
"""Outputs of the workflow that are false or null after a meeting with words."""

LANGUAGES = {"source_language": "de", "target_language": "fr"}
"""Languages of one meeting; the others have those of the workflow's input template."""

FREE_FIELDS = frozenset(
    {
        *("tasks", "forkTasks", "taskReferenceName", "name", "version", "schemaVersion"),
        *("description", "ownerEmail", "failureWorkflow", "workflowStatusListenerEnabled"),
        "optional",  # pipeline.optional
    }
)
"""Fields of the contract's workflow that a fleet may register with other values."""

VOLATILE_FIELDS = frozenset({"createTime", "updateTime", "createdBy", "updatedBy"})
"""Fields of a definition that the server sets at each registration."""


def prepare_meetings(harness: Harness) -> dict[str, Scenario]:
    """Prepare a meeting for each track count, and one for each failure, by name.

    The room of the first refuses its webhook, its stream is gone from Zulip, and its
    get_participants fails once. The other has a track that is not audio.

    "3 tracks" is in the room of "2 tracks" and has a silent track; the ids of "1 track" begin with
    those of "2 tracks", which is in another language.
    """
    two = harness.meeting(tracks=2, seed=202, languages=LANGUAGES)
    meetings = {
        "1 track": harness.meeting(seed=201, run_id=f"{two.run_id}0"),
        "2 tracks": two,
        "3 tracks": harness.meeting(tracks=3, seed=203, silent=[1], room_of=two),
        "12 tracks": harness.meeting(tracks=12, seed=212),
    }
    refused = harness.meeting(seed=221)
    harness.break_service("zulip", sent=refused.run_id, status=400, body=NO_STREAM)
    harness.break_service("webhook", path=f"*{refused.room_name}*", status=404)
    # As often as one attempt may repeat its request: the attempt fails, and its retry does not.
    harness.break_service("daily", path=f"*{refused.session_id}*", status=503, times=3)
    no_audio = harness.testbed.folder / "no-audio"
    no_audio.write_bytes(b"<html>" * 999)
    broken = harness.meeting(tracks=2, seed=222, audio={1: no_audio})
    hard = harness.meeting(recorded=write_recorders(mkdtemp(dir=harness.testbed.folder)))
    return meetings | {REFUSED_DELIVERIES: refused, BROKEN_TRACK: broken, HARD_RECORDINGS: hard}


def contract_differences(harness: Harness) -> list[str]:
    """Return each field of the contract's workflow that is registered with another value.

    Further fields and steps are the fleet's own, and so is how it notices a failure.
    """
    profile = harness.fleet.profile
    _, wanted = definitions(profile)
    with ConductorRest(harness.testbed.rest.api_url) as server:  # in the fleet's terms
        found = server.workflow_definition(wanted["name"], wanted["version"]) or {}
    free = FREE_FIELDS | ({"outputParameters"} if profile.workflow.output_from else set())
    registered, expected = steps_of(found["tasks"]), steps_of(wanted["tasks"])
    pairs = [
        ("", found, wanted),
        *((f"{name}.", registered.get(name, {}), step) for name, step in expected.items()),
    ]
    differences = []
    for prefix, observed, right in pairs:
        for key in right.keys() - free:
            value, field = right[key], observed.get(key)
            if isinstance(value, Mapping) and isinstance(field, Mapping):
                field = {name: field[name] for name in value if name in field}
            if not is_registered({key: field}, {key: value}):
                differences.append(f"{prefix}{key} is {as_json(field)}, not {as_json(value)}")
    return sorted(differences)


def expected_branch_inputs(run: PipelineRun, task_type: str) -> list[dict[str, Any]]:
    """Return the input of each branch of a fork, as fork_inputs.yaml composes it."""
    given = {**load_contracts().workflow["inputTemplate"], **run.evidence.scenario.workflow_input()}
    padded = [
        (run.evidence.task(f"pad_track_{index}") or {}).get("outputData") or {}
        for index in range(len(given["tracks"]))
    ]
    sources = {**given, "padded_tracks": padded, "language": given["source_language"]}
    return branch_inputs(task_type, sources)


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


def steps_of(tasks: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return every step of a workflow definition by reference name, those in forks included."""
    steps = {task["taskReferenceName"]: task for task in tasks}
    for task in tasks:
        for branch in task.get("forkTasks") or []:
            steps |= steps_of(branch)
    return steps


def optional_by_step(tasks: Sequence[Mapping[str, Any]]) -> dict[str, bool]:
    """Return whether each step of a workflow definition is optional, by reference name."""
    return {name: bool(step.get("optional")) for name, step in steps_of(tasks).items()}


def answers_of_webhook(run: PipelineRun) -> list[int | None]:
    """Return the status of each answer of the room's webhook, oldest first."""
    path = f"/{run.evidence.scenario.room_name}"
    return [
        request.status
        for request in run.evidence.requests
        if request.service == "webhook"
        and request.path == path
        and not any(
            names_id(request.body.decode(errors="replace"), other)
            for other in run.evidence.beside  # in the same room
        )
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


def distinct_events(run: PipelineRun, name: str) -> list[Mapping[str, Any]]:
    """Return the data of every event with a name, without repetitions, oldest first."""
    found: list[Mapping[str, Any]] = []
    for event, data in run.evidence.events:
        if event == name and not contains_value(found, data):
            found.append(data)
    return found


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

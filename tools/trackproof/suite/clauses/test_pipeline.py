"""Clauses of contracts/pipeline.yaml: whole meetings through the registered workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import ContractViolationError, Side, check, event_violations
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import CheckedRun, run_meetings

WHOLE = {"1 track": 1, "2 tracks": 2, "3 tracks": 3, "12 tracks": 12}
"""From 10 tracks on, branches sorted by their names stand in another order."""

REFUSED, BROKEN = "no webhook", "broken track"
ENDED_WELL = (*WHOLE, REFUSED)
EVERY = (*ENDED_WELL, BROKEN)
MOMENTS = frozenset({"createTime", "updateTime", "createdBy", "updatedBy"})

every_meeting = pytest.mark.parametrize("meeting", EVERY)
every_good_meeting = pytest.mark.parametrize("meeting", ENDED_WELL)
every_size = pytest.mark.parametrize("meeting", WHOLE)


@pytest.fixture(scope="module")
def side_by_side(session_harness: Harness) -> dict[str, PipelineRun]:
    """Run all meetings of this module at once."""
    harness = session_harness
    harness.reset()
    meetings = {
        name: harness.meeting(tracks=tracks, seed=200 + tracks) for name, tracks in WHOLE.items()
    }
    meetings[REFUSED] = harness.meeting(seed=221)
    where = f"*{meetings[REFUSED].room_name}*"
    harness.break_service("webhook", path=where, status=404)
    no_audio = harness.testbed.folder / "no-audio"
    no_audio.write_bytes(b"<html>" * 999)
    meetings[BROKEN] = harness.meeting(tracks=2, seed=222, audio={1: no_audio})
    return run_meetings(harness, meetings)


@pytest.fixture
def runs(side_by_side: dict[str, PipelineRun], harness: Harness) -> dict[str, PipelineRun]:
    """Return what became of each meeting."""
    return side_by_side


@pytest.fixture
def run(meeting: str, side_by_side: dict[str, PipelineRun], harness: Harness) -> PipelineRun:
    """Return what became of one meeting; it is this test's evidence."""
    harness.runs.append(side_by_side[meeting].as_task_run())
    return side_by_side[meeting]


@pytest.fixture(scope="module")
def checked(side_by_side: dict[str, PipelineRun]) -> dict[str, CheckedRun]:
    """Return the checks of each meeting."""
    return {name: CheckedRun(run) for name, run in side_by_side.items()}


@pytest.fixture
def checks(meeting: str, run: PipelineRun, checked: dict[str, CheckedRun]) -> CheckedRun:
    """Return the checks of one meeting, with its run as evidence."""
    return checked[meeting]


@pytest.fixture
def registered(harness: Harness) -> Mapping[str, Any]:
    """Return the workflow as the server holds it."""
    name = load_contracts().workflow["name"]
    definition = harness.testbed.rest.workflow_definition(name)
    if definition is None:
        raise ClauseViolation(f"a workflow {name!r}", "none is registered")
    return definition


def worker_tasks(tasks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the type of every worker's task that a workflow names, its forks included."""
    for task in tasks:
        if task["type"] == "SIMPLE":
            yield task["name"]
        for branch in task.get("forkTasks") or []:
            yield from worker_tasks(branch)
        if planned := (task.get("inputParameters") or {}).get("task_type"):
            yield planned


def breach_of(task: Mapping[str, Any], side: Side) -> str:
    """Return how a task's input or output breaks its contract; nothing if it fits."""
    payload = task["inputData"] if side == "input" else task["outputData"]
    try:
        check(task["taskDefName"], side, payload)
    except ContractViolationError as error:
        return f"{task['referenceTaskName']}: {error}"
    return ""


@pytest.mark.clause("pipeline.valid")
def test_every_task_that_the_workflow_names_is_defined(
    registered: Mapping[str, Any], harness: Harness
) -> None:
    named = set(worker_tasks(registered["tasks"]))
    defined = {definition["name"] for definition in harness.testbed.rest.task_definitions()}

    expect(named - defined, "named and not defined").equals(set())
    expect(named, "task types of the workflow").equals(set(load_contracts().tasks))


@pytest.mark.clause("pipeline.wiring")
def test_what_is_registered_fits_together(registered: Mapping[str, Any]) -> None:
    findings = check_dataflow(replace(load_contracts(), workflow=registered))

    expect([str(finding) for finding in findings], "what does not fit").equals([])


@pytest.mark.clause("pipeline.wiring")
@every_meeting
def test_every_task_is_really_given_what_it_needs(run: PipelineRun) -> None:
    broken = [breach for task in run.tasks if (breach := breach_of(task, "input"))]

    expect(broken, "inputs that break their task's contract").equals([])


@pytest.mark.clause("pipeline.forks")
@every_size
def test_both_forks_have_one_branch_a_track(meeting: str, run: PipelineRun) -> None:
    for task_type in ("pad_track", "transcribe_track"):
        branches = [t["referenceTaskName"] for t in run.tasks if t["taskDefName"] == task_type]
        indexes = [t["inputData"].get("track_index") for t in run.tasks
                   if t["taskDefName"] == task_type]  # fmt: skip
        expect(set(branches), f"branches of {task_type}").equals(
            {f"{task_type}_{index}" for index in range(WHOLE[meeting])}
        )
        expect(sorted(indexes), f"track_index of {task_type}").equals(list(range(WHOLE[meeting])))


@pytest.mark.clause("pipeline.joins")
@every_size
def test_each_branch_gets_what_its_own_track_became(meeting: str, run: PipelineRun) -> None:
    def path_of(reference: str, side: str, field: str) -> str:
        task = run.evidence.task(reference) or {}
        return urlsplit(str((task.get(side) or {}).get(field))).path

    tracks = range(WHOLE[meeting])
    padded = {index: path_of(f"pad_track_{index}", "outputData", "padded_url") for index in tracks}
    given = {
        index: path_of(f"transcribe_track_{index}", "inputData", "audio_url") for index in tracks
    }
    expect(given, "what each track is transcribed from").equals(padded)
    expect(len(set(padded.values())), "padded tracks").equals(WHOLE[meeting])


@pytest.mark.clause("pipeline.joins")
@every_size
def test_no_word_of_any_track_is_lost_or_given_to_another(checks: CheckedRun) -> None:
    checks.expect("words.complete", "words.speaker", "words.time", "words.sorted", "mixdown.words")


@pytest.mark.clause("pipeline.order")
@every_good_meeting
def test_each_step_waits_for_the_one_before(checks: CheckedRun) -> None:
    checks.expect("steps.order")


@pytest.mark.clause("pipeline.order")
@every_good_meeting
def test_title_and_summary_are_wanted_side_by_side(run: PipelineRun) -> None:
    title, summary = (
        run.evidence.task(reference) or {} for reference in ("generate_title", "generate_summary")
    )
    for one, other in ((title, summary), (summary, title)):
        expect(one.get("scheduledTime"), "when one is wanted").holds(
            one.get("scheduledTime", 0) < other.get("endTime", 0), "before the other has ended"
        )


@pytest.mark.clause("pipeline.completes")
@every_size
def test_a_whole_meeting_ends_completed(run: PipelineRun, checks: CheckedRun) -> None:
    expect(run.status, "the workflow").equals("COMPLETED")
    checks.expect("steps.completed", "database.result", "database.events", "events.schema")


@pytest.mark.clause("pipeline.completes")
@every_size
def test_the_output_is_what_the_tasks_gave(run: PipelineRun) -> None:
    broken = [breach for task in run.tasks if (breach := breach_of(task, "output"))]
    expect(broken, "outputs that break their task's contract").equals([])
    expected: dict[str, Any] = {}
    for name, source in load_contracts().workflow["outputParameters"].items():
        reference, side, field = re.findall(r"\w+", source)
        values = (run.evidence.task(reference) or {}).get(f"{side}Data") or {}
        given = run.evidence.scenario.workflow_input() if reference == "workflow" else values
        expected[name] = given.get(field)
    expect(dict(run.evidence.output), "output").equals(expected)


@pytest.mark.clause("pipeline.completes")
@pytest.mark.parametrize("meeting", [REFUSED])
def test_a_delivery_that_is_refused_fails_no_finished_meeting(
    run: PipelineRun, checks: CheckedRun
) -> None:
    expect(run.evidence.output.get("webhook_sent"), "webhook_sent").equals(False)
    expect(run.status, "the workflow").equals("COMPLETED")
    checks.expect("database.result", "deliveries.optional")


@pytest.mark.clause("pipeline.starts")
@every_meeting
def test_the_api_starts_the_workflow_by_its_name_and_version(run: PipelineRun) -> None:
    workflow = load_contracts().workflow

    expect(run.workflow.get("workflowName"), "name of the run").equals(workflow["name"])
    expect(run.workflow.get("workflowVersion"), "its version").equals(workflow["version"])


@pytest.mark.clause("pipeline.registered")
def test_all_task_types_are_registered_as_the_seed_has_them(harness: Harness) -> None:
    contracts = load_contracts()
    seed = yaml.safe_load((contracts.root / "seed_table.yaml").read_text())["tasks"]

    registered = {task["name"]: task for task in harness.testbed.rest.task_definitions()}

    found = {
        task: {limit: registered.get(task, {}).get(limit) for limit in limits}
        for task, limits in seed.items()
    }
    expect(found, "time-outs and retries").equals(seed)


@pytest.mark.clause("pipeline.registered")
def test_registering_twice_changes_nothing(harness: Harness) -> None:
    def held() -> dict[str, Any]:
        rest = harness.testbed.rest
        name = load_contracts().workflow["name"]
        found = [*rest.task_definitions(), rest.workflow_definition(name) or {"name": name}]
        return {
            one["name"]: {key: value for key, value in one.items() if key not in MOMENTS}
            for one in found
        }

    before = held()

    harness.fleet.register(harness.testbed.rest.api_url)

    expect(held(), "what the server holds").equals(before)


@pytest.mark.clause("pipeline.progress-schema")
@every_meeting
def test_progress_tells_which_step_of_how_many_stands_how(run: PipelineRun) -> None:
    expect(len(run.progress), "PIPELINE_PROGRESS events").holds(bool(run.progress), "some")
    steps = load_contracts().steps
    index_of = {step.task_type if step.dynamic else step.reference: step.index for step in steps}
    for data in run.progress:
        expect(event_violations("PIPELINE_PROGRESS", data), "violations of the schema").equals([])
        # A branch of a dynamic fork is named after its task type and its track.
        current = re.sub(r"_track_\d+$", "_track", str(data.get("current_step")))
        where = (data.get("step_index"), data.get("total_steps"), data.get("workflow_id"))
        expect(where, f"index, total and workflow of {data.get('current_step')}").equals(
            (index_of.get(current), len(steps), run.workflow["workflowId"])
        )


@pytest.mark.clause("pipeline.progress-start")
@every_meeting
def test_the_start_of_every_task_is_told(run: PipelineRun) -> None:
    began = [data["current_step"] for data in run.progress
             if data.get("step_status") == "in_progress"]  # fmt: skip
    attempts = [task["referenceTaskName"] for task in run.tasks if task.get("startTime")]

    expect(sorted(began), "steps told as in progress").equals(sorted(attempts))


@pytest.mark.clause("pipeline.progress-start")
@every_meeting
def test_no_task_is_told_as_ended_before_it_began(run: PipelineRun) -> None:
    began = set()
    early = []
    for data in run.progress:
        if data.get("step_status") == "in_progress":
            began.add(data.get("current_step"))
        elif data.get("current_step") not in began:
            early.append(data.get("current_step"))

    expect(early, "told as ended before they began").equals([])


@pytest.mark.clause("pipeline.progress-end")
@every_meeting
def test_the_end_of_every_task_is_told_as_it_is(run: PipelineRun) -> None:
    said = {"COMPLETED": "completed", "FAILED": "failed", "FAILED_WITH_TERMINAL_ERROR": "failed",
            "COMPLETED_WITH_ERRORS": "failed"}  # fmt: skip
    ended = [
        (task["referenceTaskName"], said[task["status"]])
        for task in run.tasks
        if task["status"] in said
    ]
    # A branch that the server gives up, since another one has failed, may end in either way.
    judged = {reference for reference, _ in ended}

    told = [
        (data.get("current_step"), data.get("step_status"))
        for data in run.progress
        if data.get("step_status") in {"completed", "failed"} and data.get("current_step") in judged
    ]
    expect(sorted(told, key=str), "ends that are told").equals(sorted(ended))


@pytest.mark.clause("pipeline.status-error")
@pytest.mark.parametrize("meeting", [BROKEN])
def test_a_needed_step_that_fails_for_good_is_the_transcripts_error(run: PipelineRun) -> None:
    expect(run.status, "the workflow").equals("FAILED")
    expect(run.evidence.transcript.get("status"), "the transcript's status").equals("error")
    told = [data for name, data in run.evidence.events if name == "STATUS"]
    expect(told[-1:], "the last STATUS").equals([{"value": "error"}])


@pytest.mark.clause("pipeline.status-error")
@every_good_meeting
def test_a_meeting_that_ends_well_is_never_in_error(run: PipelineRun) -> None:
    told = [data.get("value") for name, data in run.evidence.events if name == "STATUS"]

    expect(run.evidence.transcript.get("status"), "the transcript's status").equals("ended")
    expect(told, "STATUS").lacks("error")


@pytest.mark.clause("pipeline.workflow-id")
@every_meeting
def test_a_recording_is_found_by_its_workflow(run: PipelineRun) -> None:
    if run.recordings is None:
        pytest.skip("the fleet's profile has no recording_sql to look a recording up with")

    expect([row.get("id") for row in run.recordings], "recordings of this run").equals(
        [run.evidence.scenario.recording_id]
    )


@pytest.mark.clause("pipeline.secrets")
@every_meeting
def test_no_key_and_no_signature_stands_where_others_read(checks: CheckedRun) -> None:
    checks.expect("secrets.kept")

"""Clauses of contracts/pipeline.yaml: whole meetings through the registered workflow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from trackproof.contracts.dataflow import check_dataflow
from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import event_violations
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.task_run import StoredObject
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.meetings import (
    BROKEN_TRACK,
    EMPTY_OUTPUTS,
    HARD_RECORDINGS,
    REFUSED_WEBHOOK,
    TRACK_COUNTS,
    answers_of_webhook,
    contract_violations,
    expected_output,
    optional_by_step,
    prepare_meetings,
    registered_definitions,
    status_events,
    worker_task_types,
)
from trackproof.suite.clauses.storage import (
    kept_objects,
    mixdown_of,
    stored_objects,
    unfinished_uploads,
)
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import CheckedRun, expect_registered, run_meetings

FILLED_OUTPUTS = tuple(load_contracts().workflow["outputParameters"].keys() - EMPTY_OUTPUTS)
"""Outputs of the workflow that are never empty after a meeting with words."""

COMPLETING = (*TRACK_COUNTS, REFUSED_WEBHOOK)

STEP_STATUS = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "FAILED_WITH_TERMINAL_ERROR": "failed",
    "COMPLETED_WITH_ERRORS": "failed",
}
"""step_status of PIPELINE_PROGRESS by Conductor's task status."""

every_meeting = pytest.mark.parametrize("meeting", [*COMPLETING, BROKEN_TRACK])
every_completing_meeting = pytest.mark.parametrize("meeting", COMPLETING)
every_track_count = pytest.mark.parametrize("meeting", TRACK_COUNTS)


@pytest.fixture(scope="module")
def objects_before(session_harness: Harness) -> frozenset[StoredObject]:
    """Return the objects in S3 before the meetings of this module."""
    return stored_objects(session_harness)


@pytest.fixture(scope="module")
def runs(
    session_harness: Harness,
    objects_before: frozenset[StoredObject],
) -> dict[str, PipelineRun]:
    """Run all meetings of this module concurrently."""
    session_harness.reset()
    return run_meetings(session_harness, prepare_meetings(session_harness))


@pytest.fixture
def run(meeting: str, runs: dict[str, PipelineRun], harness: Harness) -> PipelineRun:
    """Return the run of one meeting, recorded as evidence of the current test."""
    harness.runs.append(runs[meeting].as_task_run())
    return runs[meeting]


@pytest.fixture(scope="module")
def checked_runs(runs: dict[str, PipelineRun]) -> dict[str, CheckedRun]:
    return {name: CheckedRun(run) for name, run in runs.items()}


@pytest.fixture
def checks(meeting: str, run: PipelineRun, checked_runs: dict[str, CheckedRun]) -> CheckedRun:
    """Return the checks of one meeting, with its run as evidence."""
    return checked_runs[meeting]


@pytest.fixture
def workflow(harness: Harness) -> Mapping[str, Any]:
    """Return the workflow definition from the server."""
    name = load_contracts().workflow["name"]
    definition = harness.testbed.rest.workflow_definition(name)
    if definition is None:
        expect_registered(harness)
        raise ClauseViolation(name, "not registered", "workflow")
    return definition


@pytest.mark.clause("pipeline.valid")
def test_every_task_of_the_workflow_is_defined(
    workflow: Mapping[str, Any], harness: Harness
) -> None:
    used = set(worker_task_types(workflow["tasks"]))
    defined = {definition["name"] for definition in harness.testbed.rest.task_definitions()}

    expect(used - defined, "task types without a definition").equals(set())
    expect(used, "task types of the workflow").equals(set(load_contracts().tasks))


@pytest.mark.clause("pipeline.wiring")
def test_registered_workflow_passes_the_dataflow_check(workflow: Mapping[str, Any]) -> None:
    findings = check_dataflow(replace(load_contracts(), workflow=workflow))

    expect([str(finding) for finding in findings], "dataflow errors of the workflow").equals([])


@pytest.mark.clause("pipeline.wiring")
@every_meeting
def test_every_task_gets_a_valid_input(run: PipelineRun) -> None:
    expect(len(run.tasks), "tasks of the workflow").holds(bool(run.tasks), "at least one")
    expect(contract_violations(run, "input"), "inputs that violate their contract").equals([])


@pytest.mark.clause("pipeline.forks")
@every_track_count
def test_both_forks_have_one_branch_for_each_track(meeting: str, run: PipelineRun) -> None:
    indexes = range(TRACK_COUNTS[meeting])
    for task_type in ("pad_track", "transcribe_track"):
        branches = [task for task in run.tasks if task["taskDefName"] == task_type]
        expect({task["referenceTaskName"] for task in branches}, f"branches of {task_type}").equals(
            {f"{task_type}_{index}" for index in indexes}
        )
        expect(
            sorted(task["inputData"].get("track_index") for task in branches),
            f"track_index of the branches of {task_type}",
        ).equals(list(indexes))


@pytest.mark.clause("pipeline.joins")
@every_track_count
def test_each_track_is_transcribed_from_its_padded_track(meeting: str, run: PipelineRun) -> None:
    def path_of(reference: str, side: str, field: str) -> str:
        task = run.evidence.task(reference) or {}
        url = (task.get(side) or {}).get(field)
        expect(url, f"{field} of {reference}").is_filled()
        return urlsplit(str(url)).path

    tracks = range(TRACK_COUNTS[meeting])
    padded = {index: path_of(f"pad_track_{index}", "outputData", "padded_url") for index in tracks}
    transcribed = {
        index: path_of(f"transcribe_track_{index}", "inputData", "audio_url") for index in tracks
    }
    expect(transcribed, "path of audio_url by track").equals(padded)
    expect(len(set(padded.values())), "number of padded tracks").equals(len(tracks))


@pytest.mark.clause("pipeline.joins")
@every_track_count
def test_every_word_arrives_with_its_speaker_and_time(checks: CheckedRun) -> None:
    checks.expect("words.complete", "words.speaker", "words.time", "words.sorted", "mixdown.words")


@pytest.mark.clause("pipeline.recorders")
@pytest.mark.parametrize("meeting", [HARD_RECORDINGS])
def test_meeting_of_hard_recordings_keeps_every_word(run: PipelineRun, checks: CheckedRun) -> None:
    expect(run.status, "status of the workflow").equals("COMPLETED")
    checks.expect("words.complete", "words.speaker", "words.time", "words.sorted", "mixdown.words")


@pytest.mark.clause("pipeline.order")
@every_completing_meeting
def test_steps_run_in_the_order_of_the_workflow(checks: CheckedRun) -> None:
    checks.expect("steps.order")


@pytest.mark.clause("pipeline.order")
@every_completing_meeting
def test_title_and_summary_are_scheduled_in_parallel(run: PipelineRun) -> None:
    for one, other in (
        ("generate_title", "generate_summary"),
        ("generate_summary", "generate_title"),
    ):
        scheduled = (run.evidence.task(one) or {}).get("scheduledTime")
        expect(scheduled, f"scheduledTime of {one}").is_filled()
        other_end = (run.evidence.task(other) or {}).get("endTime", 0)
        expect(scheduled, f"scheduledTime of {one}").holds(
            scheduled < other_end, f"before {other_end}, the endTime of {other}"
        )


@pytest.mark.clause("pipeline.completes")
@every_track_count
def test_whole_meeting_completes(run: PipelineRun, checks: CheckedRun) -> None:
    expect(run.status, "status of the workflow").equals("COMPLETED")
    checks.expect("steps.completed", "database.result", "database.events", "events.schema")


@pytest.mark.clause("pipeline.completes")
@every_track_count
def test_workflow_output_comes_from_the_task_outputs(run: PipelineRun) -> None:
    expect(contract_violations(run, "output"), "outputs that violate their contract").equals([])
    expect(dict(run.evidence.output), "output of the workflow").has(expected_output(run))
    for name in FILLED_OUTPUTS:
        expect(run.evidence.output.get(name), f"{name} of the workflow's output").is_filled()


@pytest.mark.clause("pipeline.completes")
@every_track_count
def test_result_is_delivered_once(run: PipelineRun, harness: Harness) -> None:
    expect(answers_of_webhook(run), "answers of the room's webhook").equals([200])
    expect(run.evidence.output.get("webhook_sent"), "webhook_sent").equals(True)
    message_id = str(run.evidence.output.get("message_id"))
    message = harness.testbed.stand_ins.zulip.message(int(message_id or 0))
    expect(message_id, "message_id").holds(message is not None, "the id of a message in Zulip")


@pytest.mark.clause("pipeline.completes")
@pytest.mark.parametrize("meeting", [REFUSED_WEBHOOK])
def test_refused_webhook_does_not_fail_the_meeting(run: PipelineRun, checks: CheckedRun) -> None:
    expect(answers_of_webhook(run), "answers of the room's webhook").equals([404])
    expect(run.evidence.output.get("webhook_sent"), "webhook_sent").equals(False)
    expect(run.status, "status of the workflow").equals("COMPLETED")
    checks.expect("database.result", "deliveries.optional")


@pytest.mark.clause("pipeline.optional")
def test_the_contracts_optional_steps_are_optional(workflow: Mapping[str, Any]) -> None:
    contract = optional_by_step(load_contracts().workflow["tasks"])

    registered = optional_by_step(workflow["tasks"])

    found = {step: registered.get(step, "no such step") for step in contract}
    expect(found, "optional of each step").equals(contract)


@pytest.mark.clause("pipeline.temporary-objects")
def test_no_temporary_object_is_left(
    runs: dict[str, PipelineRun], objects_before: frozenset[StoredObject], harness: Harness
) -> None:
    kept = frozenset[StoredObject]().union(*map(kept_objects, runs.values()))
    mixdowns = {mixdown_of(runs[name]) for name in COMPLETING}

    present = stored_objects(harness)
    if not harness.fleet.exposes_rows:  # then the key of a stored waveform is not known
        kept |= {one for one in present if "waveform" in one.key}

    expect(present - objects_before - kept, "objects beyond the contract's").equals(frozenset())
    expect(mixdowns - present, "mixdowns that are missing").equals(set())
    expect(unfinished_uploads(harness), "unfinished uploads").equals([])


@pytest.mark.clause("pipeline.starts")
@every_meeting
def test_api_starts_the_workflow_by_name_and_version(run: PipelineRun) -> None:
    contract = load_contracts().workflow

    expect(run.workflow.get("workflowName"), "name of the workflow").equals(contract["name"])
    expect(run.workflow.get("workflowVersion"), "version of the workflow").equals(
        contract["version"]
    )


@pytest.mark.clause("pipeline.registered")
def test_registered_limits_equal_the_seed_table(harness: Harness) -> None:
    contracts = load_contracts()
    seed = yaml.safe_load((contracts.root / "seed_table.yaml").read_text("utf-8"))["tasks"]

    registered = {task["name"]: task for task in harness.testbed.rest.task_definitions()}

    limits_of = {
        task: {limit: registered.get(task, {}).get(limit) for limit in limits}
        for task, limits in seed.items()
    }
    expect(limits_of, "time-outs and retries").equals(seed)


@pytest.mark.clause("pipeline.registered")
def test_second_registration_changes_nothing(harness: Harness) -> None:
    expect_registered(harness)
    before = registered_definitions(harness)
    names = {*load_contracts().tasks, load_contracts().workflow["name"]}
    expect(names - before.keys(), "definitions that are not registered").equals(set())

    harness.fleet.register(harness.testbed.rest.api_url)

    after = registered_definitions(harness)
    expect(after, "definitions after the second registration").equals(before)


@pytest.mark.clause("pipeline.progress-schema")
@every_meeting
def test_progress_names_step_index_total_and_workflow(run: PipelineRun) -> None:
    expect(len(run.progress), "PIPELINE_PROGRESS events").holds(bool(run.progress), "at least one")
    steps = load_contracts().steps
    index_of = {step.task_type if step.dynamic else step.reference: step.index for step in steps}
    for data in run.progress:
        step = data.get("current_step")
        expect(event_violations("PIPELINE_PROGRESS", data), f"schema violations of {step}").equals(
            []
        )
        # A branch of a dynamic fork is named by its task type and track_index.
        index = index_of.get(re.sub(r"_track_\d+$", "_track", str(step)))
        expect(
            (data.get("step_index"), data.get("total_steps"), data.get("workflow_id")),
            f"step_index, total_steps and workflow_id of {step}",
        ).equals((index, len(steps), run.workflow["workflowId"]))


@pytest.mark.clause("pipeline.progress-start")
@every_meeting
def test_start_of_every_task_is_emitted(run: PipelineRun) -> None:
    emitted = [
        str(data.get("current_step"))
        for data in run.progress
        if data.get("step_status") == "in_progress"
    ]
    started = [task["referenceTaskName"] for task in run.tasks if task.get("startTime")]
    expect(started, "tasks that started").is_filled()

    expect(sorted(emitted), "steps emitted as in_progress").equals(sorted(started))


@pytest.mark.clause("pipeline.progress-start")
@every_meeting
def test_start_of_every_task_is_emitted_before_its_end(run: PipelineRun) -> None:
    started = set()
    early = []
    for data in run.progress:
        if data.get("step_status") == "in_progress":
            started.add(data.get("current_step"))
        elif data.get("current_step") not in started:
            early.append(data.get("current_step"))

    expect(started, "steps emitted as in_progress").is_filled()
    expect(early, "steps whose end is emitted before their start").equals([])


@pytest.mark.clause("pipeline.progress-end")
@every_meeting
def test_end_of_every_task_is_emitted_with_its_status(run: PipelineRun) -> None:
    ended = [
        (task["referenceTaskName"], STEP_STATUS[task["status"]])
        for task in run.tasks
        if task["status"] in STEP_STATUS
    ]
    # A branch that the server cancels because another one has failed may end either way.
    judged = {reference for reference, _ in ended}
    expect(ended, "tasks that ended").is_filled()

    emitted = [
        (data.get("current_step"), data.get("step_status"))
        for data in run.progress
        if data.get("step_status") in {"completed", "failed"} and data.get("current_step") in judged
    ]
    expect(sorted(emitted, key=str), "steps emitted as completed or failed").equals(sorted(ended))


@pytest.mark.clause("pipeline.status-error")
@pytest.mark.parametrize("meeting", [BROKEN_TRACK])
def test_terminal_failure_of_a_required_step_sets_error(run: PipelineRun) -> None:
    expect(run.status, "status of the workflow").equals("FAILED")
    expect(run.evidence.transcript.get("status"), "status of the transcript").equals("error")
    expect(status_events(run)[-1:], "last STATUS event").has([{"value": "error"}])


@pytest.mark.clause("pipeline.status-error")
@every_completing_meeting
def test_completed_meeting_is_never_in_error(run: PipelineRun) -> None:
    expect(run.evidence.transcript.get("status"), "status of the transcript").equals("ended")
    values = [data.get("value") for data in status_events(run)]
    expect(values[-1:], "last STATUS event").equals(["ended"])
    expect(values, "values of the STATUS events").lacks("error")


@pytest.mark.clause("pipeline.workflow-id")
@every_meeting
def test_recording_stores_its_workflow_id(run: PipelineRun) -> None:
    if run.recordings is None:
        raise NotVisible("recordings", "the rows of recordings (recording_sql)")

    expect([row.get("id") for row in run.recordings], "recordings with this workflow id").equals(
        [run.evidence.scenario.recording_id]
    )


@pytest.mark.clause("pipeline.secrets")
@every_meeting
def test_logs_events_and_errors_contain_no_secret(checks: CheckedRun) -> None:
    checks.expect("secrets.kept")


@pytest.mark.clause("pipeline.audio")
@every_track_count
def test_mixdown_and_waveform_fit_the_meeting(checks: CheckedRun) -> None:
    checks.expect("mixdown.level", "mixdown.duration", "waveform.peaks")


@pytest.mark.clause("pipeline.storage")
@every_track_count
def test_urls_are_presigned_and_serve_their_objects(checks: CheckedRun) -> None:
    checks.expect("storage.presigned")


@pytest.mark.clause("pipeline.llm")
@every_track_count
def test_the_llm_reads_the_meeting_and_its_answers_are_used(checks: CheckedRun) -> None:
    checks.expect("llm.chunks", "llm.tracers")


@pytest.mark.clause("pipeline.deliveries")
@every_track_count
def test_message_and_webhook_carry_the_meetings_result(checks: CheckedRun) -> None:
    checks.expect("zulip.message", "webhook.signature", "webhook.payload")


@pytest.mark.clause("pipeline.services")
@pytest.mark.parametrize("meeting", [next(iter(TRACK_COUNTS))])
def test_every_request_conforms_to_its_service(checks: CheckedRun) -> None:
    """Requests of all meetings: they run side by side."""
    checks.expect("services.contract", "services.accepted")

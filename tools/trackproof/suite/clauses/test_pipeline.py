"""Clauses of contracts/pipeline.yaml on the steps and results of whole meetings."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.task_run import StoredObject
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.conftest import StoredByMeetings
from trackproof.suite.clauses.meetings import (
    BROKEN_TRACK,
    COMPLETING,
    EMPTY_OUTPUTS,
    HARD_RECORDINGS,
    REFUSED_DELIVERIES,
    TRACK_COUNTS,
    answers_of_webhook,
    contract_violations,
    every_completing_meeting,
    every_meeting,
    every_track_count,
    expected_branch_inputs,
    expected_output,
)
from trackproof.suite.clauses.storage import (
    kept_objects,
    mixdown_of,
)
from trackproof.suite.fork_inputs import FORK_INPUTS
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import CheckedRun

FILLED_OUTPUTS = tuple(load_contracts().workflow["outputParameters"].keys() - EMPTY_OUTPUTS)
"""Outputs of the workflow that are never empty after a meeting with words."""


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


@pytest.mark.clause("pipeline.fork-inputs")
@every_track_count
@pytest.mark.parametrize("task_type", FORK_INPUTS["inputs"])
def test_each_branch_gets_exactly_its_own_inputs(task_type: str, run: PipelineRun) -> None:
    expected = expected_branch_inputs(run, task_type)
    for index, inputs in enumerate(expected):
        task = run.evidence.task(f"{task_type}_{index}") or {}
        expect(task.get("inputData"), f"input of {task_type}_{index}").equals(inputs)
        optional = bool((task.get("workflowTask") or {}).get("optional"))
        expect(optional, f"optional of {task_type}_{index}").equals(False)


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
@pytest.mark.parametrize("meeting", [REFUSED_DELIVERIES])
def test_refused_webhook_does_not_fail_the_meeting(run: PipelineRun, checks: CheckedRun) -> None:
    expect(answers_of_webhook(run), "answers of the room's webhook").equals([404])
    expect(run.evidence.output.get("webhook_sent"), "webhook_sent").equals(False)
    expect(run.status, "status of the workflow").equals("COMPLETED")
    checks.expect("database.result", "deliveries.optional")


@pytest.mark.clause("pipeline.temporary-objects")
def test_no_temporary_object_is_left(
    runs: dict[str, PipelineRun], stored_by_meetings: StoredByMeetings, harness: Harness
) -> None:
    kept = frozenset[StoredObject]().union(*map(kept_objects, runs.values()))
    mixdowns = {mixdown_of(runs[name]) for name in COMPLETING}

    present = stored_by_meetings.after
    if not harness.fleet.exposes_rows:  # then the key of a stored waveform is not known
        kept |= {one for one in present if "waveform" in one.key}

    expect(present - stored_by_meetings.before - kept, "objects beyond the contract's").equals(
        frozenset()
    )
    expect(mixdowns - present, "mixdowns that are missing").equals(set())
    expect(stored_by_meetings.unfinished, "unfinished uploads").equals([])


@pytest.mark.clause("pipeline.starts")
@every_meeting
def test_api_starts_the_workflow_by_name_and_version(run: PipelineRun) -> None:
    contract = load_contracts().workflow

    expect(run.workflow.get("workflowName"), "name of the workflow").equals(contract["name"])
    expect(run.workflow.get("workflowVersion"), "version of the workflow").equals(
        contract["version"]
    )


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


@pytest.mark.late
@pytest.mark.clause("pipeline.secrets")
def test_failing_services_bring_no_secret_to_light(harness: Harness) -> None:
    """In any test before this one."""
    expect(harness.leaks, "secrets in logs, reasons and events").equals([])


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


@pytest.mark.clause("pipeline.effects")
@pytest.mark.parametrize("meeting", [*COMPLETING, BROKEN_TRACK, HARD_RECORDINGS])
def test_each_effect_happens_as_often_as_allowed(checks: CheckedRun) -> None:
    checks.expect("effects.outside")


@pytest.mark.clause("pipeline.effects")
@pytest.mark.parametrize("meeting", [*COMPLETING, BROKEN_TRACK, HARD_RECORDINGS])
def test_nothing_is_stored_twice(checks: CheckedRun) -> None:
    checks.expect("effects.stored")


@pytest.mark.clause("pipeline.services")
@pytest.mark.parametrize("meeting", [next(iter(TRACK_COUNTS))])
def test_every_request_conforms_to_its_service(checks: CheckedRun) -> None:
    """Requests of all meetings: they run side by side."""
    checks.expect("services.contract", "services.accepted")

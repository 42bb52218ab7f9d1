"""Clauses of contracts/pipeline.yaml on the events and the status of whole meetings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.contracts.validate import event_violations
from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.follow import follow
from trackproof.runs.limits import POLL_SECONDS
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.meetings import (
    BROKEN_TRACK,
    distinct_events,
    every_completing_meeting,
    every_meeting,
    status_events,
)
from trackproof.suite.harness import Harness

RETRY_SECONDS = 240
"""Limit of a retried meeting of a few seconds."""

STEP_OF_EVENT = {
    "DURATION": "mixdown_tracks",
    "WAVEFORM": "generate_waveform",
    "TRANSCRIPT": "merge_transcripts",
    "TOPIC": "detect_topics",
    "FINAL_TITLE": "generate_title",
    "FINAL_LONG_SUMMARY": "generate_summary",
    "FINAL_SHORT_SUMMARY": "generate_summary",
}
"""The step whose result each event reports."""

STEP_STATUS = {
    "COMPLETED": "completed",
    "FAILED": "failed",
    "FAILED_WITH_TERMINAL_ERROR": "failed",
    "COMPLETED_WITH_ERRORS": "failed",
}
"""step_status of PIPELINE_PROGRESS by Conductor's task status."""


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


@pytest.mark.clause("pipeline.progress-schema")
@every_completing_meeting
def test_progress_of_a_branch_counts_the_branches_of_its_fork(run: PipelineRun) -> None:
    tracks = len(run.evidence.scenario.meeting.tracks)
    counted = [data for data in run.progress if {"branches_done", "branches_total"} & data.keys()]
    for data in counted:
        branch, done = data.get("branch"), data.get("branches_done", 0)
        expect(branch, "branch").equals(data.get("current_step"))
        expect(data.get("branches_total", tracks), f"branches_total of {branch}").equals(tracks)
        # A branch that has only started is not done.
        most = tracks - (data.get("step_status") == "in_progress")
        expect(done, f"branches_done of {branch}").holds(0 <= done <= most, f"0 to {most}")
    for task_type in ("pad_track", "transcribe_track") if counted else ():
        done = [
            data.get("branches_done", tracks)
            for data in counted
            if str(data.get("branch")).startswith(task_type)
        ]
        expect(max(done, default=tracks), f"most branches_done of {task_type}").equals(tracks)


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


@pytest.mark.clause("pipeline.events")
@every_completing_meeting
def test_each_result_is_reported_with_its_value(run: PipelineRun) -> None:
    output = run.evidence.output
    results = {
        "DURATION": [{"duration": output.get("duration")}],
        "WAVEFORM": [{"waveform": output.get("waveform")}],
        "TRANSCRIPT": [{"text": " ".join(one["word"] for one in output.get("all_words") or ())}],
        "TOPIC": output.get("topics"),
        "FINAL_TITLE": [{"title": output.get("title")}],
        "FINAL_LONG_SUMMARY": [{"long_summary": output.get("summary")}],
        "FINAL_SHORT_SUMMARY": [{"short_summary": output.get("short_summary")}],
    }
    for name, expected in results.items():
        expect(expected, f"results for {name}").is_filled()
        expect(distinct_events(run, name), f"{name} events").has(expected)


@pytest.mark.clause("pipeline.events")
@every_completing_meeting
def test_no_result_is_reported_before_its_step_or_after_the_end(run: PipelineRun) -> None:
    events = list(run.evidence.events)
    ended = next(
        (place for place, (name, data) in enumerate(events) if _is_ended(name, data)), len(events)
    )
    for name, reference in STEP_OF_EVENT.items():
        places = [place for place, (event, _) in enumerate(events) if event == name]
        started = next(
            place
            for place, (event, data) in enumerate(events)
            if event == "PIPELINE_PROGRESS" and data.get("current_step") == reference
        )
        expect(places, f"places of {name} in the events").is_filled()
        expect(min(places), f"place of {name} in the events").holds(
            started < min(places), f"after {started}, the start of {reference}"
        )
        expect(min(places), f"place of {name} in the events").holds(
            min(places) < ended, f"before {ended}, the end of the meeting"
        )


def _is_ended(name: str, data: Mapping[str, Any]) -> bool:
    return name == "STATUS" and data.get("value") == "ended"


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
    expect(values.count("ended"), "STATUS events with ended").equals(1)
    expect(values, "values of the STATUS events").lacks("error")


@pytest.mark.late  # the clauses about the failed meeting count its effects
@pytest.mark.clause("pipeline.retried")
def test_a_failed_meeting_completes_when_it_is_retried(
    runs: Mapping[str, PipelineRun], harness: Harness
) -> None:
    """By an operator, once its broken track was replaced."""
    failed = runs[BROKEN_TRACK]
    expect(failed.status, "status of the workflow before").equals("FAILED")
    meeting, workflow_id = failed.evidence.scenario, failed.workflow["workflowId"]
    harness.testbed.s3.put_file(RECORDING_BUCKET, meeting.track_keys[1], meeting.audio[0])

    harness.testbed.rest.retry(workflow_id)
    workflow = follow(
        harness.testbed.rest,
        workflow_id,
        what="the retried meeting",
        seconds=RETRY_SECONDS,
        interval=POLL_SECONDS,
        check_alive=harness.fleet.check_alive,
    )

    expect(workflow["status"], "status of the workflow").equals("COMPLETED")
    transcript_id = meeting.transcript_id
    row = harness.task_runner.transcript(transcript_id)
    expect(row.get("status"), "status of the transcript").equals("ended")
    expect(row.get("title"), "title of the transcript").holds(bool(row.get("title")), "a text")
    events = harness.task_runner.events(transcript_id)
    values = [data.get("value") for name, data in events if name == "STATUS"]
    expect(values[-2:], "last STATUS events").equals(["processing", "ended"])

"""Clauses of contracts/pipeline.yaml: results that are lost or late, and long work."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.follow import Workflow
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.background_work import HEARTBEAT_SECONDS, BackgroundWork
from trackproof.suite.harness import Harness

Failure = Literal["status", "reset"]

RESEND_SECONDS = 15
"""Response time-out while an update is lost. Some clients send a result again after 10 s only; one
that never does leaves the task to the server's retry."""

LATE_SECONDS = 2
"""Response time-out of a result that is held back."""

pytestmark = pytest.mark.late


RESULT: dict[str, Any] = {
    "title": "Tides",
    "summary": "All of it.",
    "short_summary": "Short.",
    "duration": 61.5,
}
WORDS = [{"word": "tide", "start": 0.5, "end": 0.9, "speaker": 0}]


def payload_of(task: str, transcript_id: str) -> dict[str, Any]:
    fields: dict[str, dict[str, Any]] = {
        "finalize": RESULT,
        "merge_transcripts": {
            "transcripts": {"transcribe_track_0": {"words": WORDS, "track_index": 0}}
        },
        "post_zulip": {},
    }
    return {**fields[task], "transcript_id": transcript_id}


def expect_one_effect(run: TaskRun) -> None:
    """Raise a ClauseViolation unless the task completed and its effect happened once."""
    expect(run.status, "last attempt status").equals("COMPLETED")
    match run.task:
        case "finalize":
            expect(run.emitted("STATUS"), "STATUS events").equals([{"value": "ended"}])
            expect(run.transcript.get("status"), "status of the transcript").equals("ended")
        case "merge_transcripts":
            texts = [data.get("text") for data in run.emitted("TRANSCRIPT")]
            expect(texts, "texts of the TRANSCRIPT events").equals(["tide"])
        case _:
            posts = [one.status for one in run.requests_to("zulip") if one.method == "POST"]
            expect(posts, "answers to messages posted to Zulip").equals([200])


def of_task(task: str, *values: object) -> Any:
    """Return the parameters of a test that needs this task type only."""
    return pytest.param(task, *values, marks=pytest.mark.tasks(task))


LOST_UPDATES = [
    of_task("merge_transcripts", "status", False),
    of_task("finalize", "reset", False),
    of_task("post_zulip", "reset", True),
]


@pytest.mark.clause("pipeline.lost-update")
@pytest.mark.parametrize(
    ("task", "failure", "carried_out"),
    LOST_UPDATES,
    ids=["5xx", "reset before the update", "reset after the update"],
)
def test_lost_update_of_a_result_costs_no_second_effect(
    task: str, failure: Failure, carried_out: bool, harness: Harness
) -> None:
    meeting = harness.meeting(title="Tides", short_summary="Short.", long_summary="All of it.")
    harness.break_update(task, failure, carried_out=carried_out)

    run = harness.run_task(
        task, payload_of(task, meeting.transcript_id), response_timeout=RESEND_SECONDS
    )

    expect_one_effect(run)


@pytest.mark.clause("pipeline.late-result")
@pytest.mark.parametrize("task", [of_task("finalize"), of_task("post_zulip")])
def test_late_result_does_no_harm(task: str, harness: Harness) -> None:
    meeting = harness.meeting(title="Tides", short_summary="Short.", long_summary="All of it.")
    payload = payload_of(task, meeting.transcript_id)
    late = harness.break_update(task, "hold")

    def release_after_the_timeout(workflow: Workflow) -> None:
        if len(workflow["tasks"]) > 1:  # the server has scheduled the retry
            late.release()

    run = harness.run_task(
        task,
        payload,
        retries=load_contracts().tasks[task].retry_count,
        response_timeout=LATE_SECONDS,
        on_poll=release_after_the_timeout,
    )

    expect(run.statuses[:1], "status of the first attempt").equals(["TIMED_OUT"])
    expect_one_effect(run)
    again = harness.run_task(task, payload)
    expect(again.statuses, "attempt statuses of the next run").equals(["COMPLETED"])


@pytest.mark.clause("pipeline.heartbeat")
@pytest.mark.tasks("transcribe_track")
def test_long_transcription_completes_at_the_first_attempt(
    background_work: BackgroundWork, harness: Harness
) -> None:
    if background_work.long_work is None:
        raise ClauseViolation("a long transcription", "none was started", "run")

    [run] = background_work.long_work.run.result()

    harness.runs.append(run)
    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    took = run.attempts[0].ended_at - run.attempts[0].started_at
    expect(took, "seconds of work").holds(
        took > HEARTBEAT_SECONDS, f"more than the response time-out of {HEARTBEAT_SECONDS} s"
    )

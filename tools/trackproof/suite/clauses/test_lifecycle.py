"""Clauses of contracts/pipeline.yaml: results that are lost or late, and long work."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.follow import Workflow
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness
from trackproof.wait import wait_until

Failure = Literal["status", "reset"]

RESEND_SECONDS = 15
"""Response time-out while an update is lost. Some clients send a result again after 10 s only; one
that never does leaves the task to the server's retry."""

LATE_SECONDS = 2
"""Response time-out of a result that is held back."""

HEARTBEAT_SECONDS, WORK_SECONDS = 15, 18
"""Response time-out of long work, and its length. Clients extend a lease after 80 % of it and look
once a second, which leaves 2 s on a busy machine."""

pytestmark = pytest.mark.late


class LongWork:
    """A transcription that takes longer than its response time-out, beside the other tests."""

    def __init__(self, harness: Harness) -> None:
        """Start it, and wait until the fleet works on it."""
        meeting = harness.meeting(seed=108)
        url = harness.testbed.s3.presign(
            RECORDING_BUCKET, meeting.track_keys[0], expires_in=PRESIGN_SECONDS
        )
        payload = {"track_index": 0, "audio_url": url, "transcript_id": meeting.transcript_id}
        harness.break_service("modal", delay=WORK_SECONDS, times=1)
        before = harness.testbed.stand_ins.ledger.count("modal")
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="long work")
        self.run: Future[list[TaskRun]] = self._pool.submit(
            harness.task_runner.run_tasks,
            "transcribe_track",
            [payload],
            transcript_id=meeting.transcript_id,
            retries=0,
            response_timeout=HEARTBEAT_SECONDS,
        )
        wait_until(
            lambda: self.run.done() or harness.testbed.stand_ins.ledger.count("modal") > before,
            what="the fleet's call to the transcription service",
            timeout=30,
        )

    def close(self) -> None:
        """Wait for its end."""
        self._pool.shutdown()


@pytest.fixture(scope="module", autouse=True)
def long_work(
    session_harness: Harness, request: pytest.FixtureRequest
) -> Iterator[LongWork | None]:
    """Start the long work with the first test of this module, if its clause is judged."""
    if not any("long_transcription" in item.name for item in request.session.items):
        yield None
        return
    session_harness.reset()
    work = LongWork(session_harness)
    yield work
    work.close()


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
    long_work: LongWork | None, harness: Harness
) -> None:
    if long_work is None:
        raise ClauseViolation("a long transcription", "none was started", "run")

    [run] = long_work.run.result()

    harness.runs.append(run)
    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    took = run.attempts[0].ended_at - run.attempts[0].started_at
    expect(took, "seconds of work").holds(
        took > HEARTBEAT_SECONDS, f"more than the response time-out of {HEARTBEAT_SECONDS} s"
    )

from __future__ import annotations

from typing import Any

import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.progress import step_of
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness
from trackproof.contracts.load import load_contracts

TITLE: Json = {"topics": [], "transcript_id": TRANSCRIPT_ID}
STEPS = len(load_contracts().steps)


def failing(monkeypatch: pytest.MonkeyPatch, task_type: str, error: Exception) -> None:
    """Let the worker of a task type do nothing but fail."""

    def fail(*_: Any, **__: Any) -> Json:
        raise error

    monkeypatch.setitem(WORKERS, task_type, fail)


def progress(harness: WorkerHarness) -> list[str]:
    return [event["step_status"] for event in harness.events("PIPELINE_PROGRESS")]


def test_every_contract_has_its_worker() -> None:
    assert WORKERS.keys() == load_contracts().tasks.keys()


def test_input_that_breaks_the_contract_is_final_and_says_where(harness: WorkerHarness) -> None:
    payload = {**TITLE, "topics": [{"id": "a", "title": "", "summary": "", "timestamp": 0}]}

    outcome = harness.execute("generate_title", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert str(outcome.reason).startswith("generate_title: input at /topics/0")
    assert str(outcome.reason).endswith("(schema /$defs/topic/required)")
    assert harness.calls("llm") == 0


def test_output_that_breaks_the_contract_may_be_better_next_time(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WORKERS, "generate_title", lambda *_, **__: {"title": 5})

    outcome = harness.execute("generate_title", TITLE)

    assert outcome.status == "FAILED"
    assert str(outcome.reason).startswith("generate_title: output at /title")
    assert outcome.output == {}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (TransientError("later"), "FAILED"),
        (PermanentError("never"), "FAILED_WITH_TERMINAL_ERROR"),
    ],
)
def test_the_two_kinds_of_failure_become_conductors_two_states(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str
) -> None:
    failing(monkeypatch, "generate_title", error)

    outcome = harness.execute("generate_title", TITLE)

    assert (outcome.status, outcome.reason) == (status, str(error))


def test_what_nobody_expected_is_retried_and_its_message_kept_in(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", RuntimeError("https://s3.test/?X-Amz-Signature=secret"))

    outcome = harness.execute("generate_title", TITLE)

    assert (outcome.status, outcome.reason) == ("FAILED", "unexpected RuntimeError")


def test_a_task_that_succeeds_is_seen_to_begin_and_to_end(harness: WorkerHarness) -> None:
    harness.execute("generate_title", TITLE)

    step = next(s for s in load_contracts().steps if s.reference == "generate_title")
    assert harness.events("PIPELINE_PROGRESS") == [
        {
            "workflow_id": "workflow-1",
            "current_step": "generate_title",
            "step_index": step.index,
            "total_steps": STEPS,
            "step_status": status,
        }
        for status in ("in_progress", "completed")
    ]


@pytest.mark.parametrize("error", [TransientError("x"), PermanentError("x"), ValueError("x")])
def test_a_task_that_fails_is_closed_as_failed(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing(monkeypatch, "generate_title", error)

    harness.execute("generate_title", TITLE)

    assert progress(harness) == ["in_progress", "failed"]


@pytest.mark.parametrize(("attempt", "status"), [(0, "uploaded"), (2, "uploaded"), (3, "error")])
def test_the_status_is_error_only_after_the_last_attempt(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, attempt: int, status: str
) -> None:
    failing(monkeypatch, "generate_title", TransientError("later"))

    harness.execute("generate_title", TITLE, attempt=attempt)

    assert harness.transcript().status == status
    assert harness.events("STATUS") == ([{"value": "error"}] if status == "error" else [])


def test_a_permanent_failure_is_an_error_at_once(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", PermanentError("never"))

    harness.execute("generate_title", TITLE)

    assert harness.transcript().status == "error"


@pytest.mark.parametrize("task_type", ["post_zulip", "send_webhook"])
@pytest.mark.parametrize("error", [TransientError("later"), PermanentError("never")])
def test_telling_others_never_makes_a_finished_meeting_an_error(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, task_type: str, error: Exception
) -> None:
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.transcript.status = "ended"
    failing(monkeypatch, task_type, error)

    payload = {"transcript_id": TRANSCRIPT_ID, "room_id": None}
    outcome = harness.execute(task_type, payload, attempt=30)

    assert outcome.status != "COMPLETED"
    assert harness.transcript().status == "ended"
    assert progress(harness) == ["in_progress", "failed"]


def test_a_branch_of_a_fork_reports_as_its_fork(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "pad_track", PermanentError("never"))
    payload = {
        "track_index": 7,
        "s3_key": "k",
        "bucket_name": "b",
        "transcript_id": TRANSCRIPT_ID,
    }

    harness.execute("pad_track", payload, reference="pad_track_7")

    (begun, ended) = harness.events("PIPELINE_PROGRESS")
    fork = next(s for s in load_contracts().steps if s.reference == "fork_track_padding")
    assert begun["step_index"] == ended["step_index"] == fork.index
    assert begun["current_step"] == "pad_track_7"
    assert harness.transcript().status == "error"


def test_branches_tell_how_many_there_are_and_how_many_are_done(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        WORKERS,
        "pad_track",
        lambda _, *, track_index, **__: {
            "padded_url": "https://s3.test/x",
            "size": 1,
            "track_index": track_index,
        },
    )
    tracks: list[Json] = [{"s3_key": "a"}, {"s3_key": "b"}, {"s3_key": "c"}]
    fork = {
        "tracks": tracks,
        "task_type": "pad_track",
        "transcript_id": TRANSCRIPT_ID,
        "bucket_name": "b",
    }
    forked = harness.execute(
        "generate_dynamic_fork_tasks", fork, reference="generate_padding_tasks"
    )
    inputs = forked.output["inputs"]

    for number, attempt in ((2, 0), (0, 0), (0, 1)):  # the acknowledgement of 0 was lost
        reference = f"pad_track_{number}"
        harness.execute("pad_track", inputs[reference], reference=reference, attempt=attempt)

    told = [
        (event["branch"], event["step_status"], event["branches_done"], event["branches_total"])
        for event in harness.events("PIPELINE_PROGRESS")
        if "branch" in event
    ]
    assert told == [
        ("pad_track_2", "in_progress", 0, 3),
        ("pad_track_2", "completed", 1, 3),
        ("pad_track_0", "in_progress", 1, 3),
        ("pad_track_0", "completed", 2, 3),
        ("pad_track_0", "in_progress", 2, 3),
        ("pad_track_0", "completed", 2, 3),
    ]


def test_a_task_run_twice_under_one_id_is_told_once(harness: WorkerHarness) -> None:
    for _ in range(2):
        harness.execute("generate_title", TITLE)

    assert progress(harness) == ["in_progress", "completed"]
    assert harness.event_names() == ["FINAL_TITLE"]


def test_another_attempt_has_a_progress_of_its_own(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", TransientError("later"))

    for attempt in range(2):
        harness.execute("generate_title", TITLE, attempt=attempt)

    assert progress(harness) == ["in_progress", "failed"] * 2


def test_the_first_task_notes_its_workflow_on_the_recording(harness: WorkerHarness) -> None:
    harness.execute("get_recording", {"recording_id": "rec-1"})

    found = harness.clients.state.recording_by_workflow("workflow-1")
    assert found is not None
    assert found.id == "rec-1"


def test_a_workflow_that_somebody_has_retried_is_processing_again(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = WORKERS["generate_title"]
    failing(monkeypatch, "generate_title", PermanentError("never"))
    harness.execute("generate_title", TITLE)
    assert harness.transcript().status == "error"
    monkeypatch.setitem(WORKERS, "generate_title", worker)

    harness.execute("generate_title", TITLE, attempt=1)

    assert harness.transcript().status == "processing"
    assert harness.events("STATUS") == [{"value": "error"}, {"value": "processing"}]


def test_a_task_that_knows_only_the_recording_finds_its_transcript(harness: WorkerHarness) -> None:
    harness.execute("get_recording", {"recording_id": "rec-1"})

    assert progress(harness) == ["in_progress", "completed"]


@pytest.mark.parametrize("reference", ["generate_padding_tasks", "generate_transcription_tasks"])
def test_a_task_type_used_twice_goes_by_its_reference(reference: str) -> None:
    step = step_of(reference, "generate_dynamic_fork_tasks")

    assert step is not None
    assert step.reference == reference


def test_a_task_outside_the_pipeline_is_no_step() -> None:
    assert step_of("something_else", "get_recording") is None


@pytest.mark.parametrize(
    "payload",
    [
        {"recording_id": "rec-unknown"},
        {"recording_id": "\ud800"},
        {"recording_id": "rec-1", "transcript_id": "nowhere"},
        {"recording_id": "rec-1", "transcript_id": "\ud800"},
        {"recording_id": "rec-1", "transcript_id": 5},
        {"recording_id": 5},
        {},
    ],
    ids=str,
)
def test_progress_that_cannot_be_recorded_breaks_nothing(
    harness: WorkerHarness, payload: Json
) -> None:
    outcome = harness.execute("get_recording", payload)

    assert outcome.status in {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"}


def test_a_database_that_is_not_there_does_not_stop_a_task_that_needs_none(
    empty_bench: WorkerHarness,
) -> None:
    with empty_bench.clients.state.engine.begin() as connection:
        for table in ("events", "branches", "consents", "transcripts"):
            connection.exec_driver_sql(f"DROP TABLE {table}")

    outcome = empty_bench.execute("get_recording", {"recording_id": "rec-1"})

    assert outcome.status == "COMPLETED"

from __future__ import annotations

from typing import Any

import pytest

from reference_workers import executor
from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.progress import step_of
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness
from trackproof.contracts.load import load_contracts

TITLE: Json = {"topics": [], "transcript_id": TRANSCRIPT_ID}
STEPS = len(load_contracts().steps)


def failing(monkeypatch: pytest.MonkeyPatch, task_type: str, error: Exception) -> None:
    """Let the worker of a task type raise an error."""

    def fail(*_: Any, **__: Any) -> Json:
        raise error

    monkeypatch.setitem(WORKERS, task_type, fail)


def progress(harness: WorkerHarness) -> list[str]:
    return [event["step_status"] for event in harness.events("PIPELINE_PROGRESS")]


def test_every_task_type_has_a_worker() -> None:
    assert WORKERS.keys() == load_contracts().tasks.keys()


def test_invalid_input_is_a_terminal_failure_with_its_location(harness: WorkerHarness) -> None:
    payload = {**TITLE, "topics": [{"id": "a", "title": "", "summary": "", "timestamp": 0}]}

    outcome = harness.execute("generate_title", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert str(outcome.reason).startswith("generate_title: input at /topics/0")
    assert str(outcome.reason).endswith("(schema /$defs/topic/required)")
    assert harness.calls("llm") == 0


def test_invalid_output_is_retried(harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_worker_errors_map_to_conductors_statuses(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, error: Exception, status: str
) -> None:
    failing(monkeypatch, "generate_title", error)

    outcome = harness.execute("generate_title", TITLE)

    assert (outcome.status, outcome.reason) == (status, str(error))


def test_an_unexpected_error_is_retried_without_its_message(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", RuntimeError("https://s3.test/?X-Amz-Signature=secret"))

    outcome = harness.execute("generate_title", TITLE)

    assert (outcome.status, outcome.reason) == ("FAILED", "unexpected RuntimeError")


def test_a_successful_task_emits_in_progress_and_completed(harness: WorkerHarness) -> None:
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
def test_a_failed_task_emits_failed(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    failing(monkeypatch, "generate_title", error)

    harness.execute("generate_title", TITLE)

    assert progress(harness) == ["in_progress", "failed"]


@pytest.mark.parametrize(("attempt", "status"), [(0, "uploaded"), (2, "uploaded"), (3, "error")])
def test_a_transient_failure_sets_error_only_after_the_last_attempt(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, attempt: int, status: str
) -> None:
    failing(monkeypatch, "generate_title", TransientError("later"))

    harness.execute("generate_title", TITLE, attempt=attempt)

    assert harness.transcript().status == status
    assert harness.events("STATUS") == ([{"value": "error"}] if status == "error" else [])


def test_a_permanent_failure_sets_the_status_to_error(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", PermanentError("never"))

    harness.execute("generate_title", TITLE)

    assert harness.transcript().status == "error"


@pytest.mark.parametrize("task_type", ["post_zulip", "send_webhook"])
@pytest.mark.parametrize("error", [TransientError("later"), PermanentError("never")])
def test_a_failed_delivery_keeps_the_status_ended(
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


def test_a_branch_has_its_forks_step(
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

    (started, ended) = harness.events("PIPELINE_PROGRESS")
    fork = next(s for s in load_contracts().steps if s.reference == "fork_track_padding")
    assert started["step_index"] == ended["step_index"] == fork.index
    assert started["current_step"] == "pad_track_7"
    assert harness.transcript().status == "error"


def test_branches_are_counted_in_progress_events(
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

    for number, attempt in ((2, 0), (0, 0), (0, 1)):  # 0 is executed twice
        reference = f"pad_track_{number}"
        harness.execute("pad_track", inputs[reference], reference=reference, attempt=attempt)

    counts = [
        (event["branch"], event["step_status"], event["branches_done"], event["branches_total"])
        for event in harness.events("PIPELINE_PROGRESS")
        if "branch" in event
    ]
    assert counts == [
        ("pad_track_2", "in_progress", 0, 3),
        ("pad_track_2", "completed", 1, 3),
        ("pad_track_0", "in_progress", 1, 3),
        ("pad_track_0", "completed", 2, 3),
        ("pad_track_0", "in_progress", 2, 3),
        ("pad_track_0", "completed", 2, 3),
    ]


def test_a_repeated_execution_emits_no_further_events(harness: WorkerHarness) -> None:
    for _ in range(2):
        harness.execute("generate_title", TITLE)

    assert progress(harness) == ["in_progress", "completed"]
    assert harness.event_names() == ["FINAL_TITLE"]


def test_each_attempt_emits_its_own_progress(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "generate_title", TransientError("later"))

    for attempt in range(2):
        harness.execute("generate_title", TITLE, attempt=attempt)

    assert progress(harness) == ["in_progress", "failed"] * 2


def test_the_first_task_stores_its_workflow_on_the_recording(harness: WorkerHarness) -> None:
    harness.execute("get_recording", {"recording_id": "rec-1"})

    recording = harness.clients.state.recording_by_workflow("workflow-1")
    assert recording is not None
    assert recording.id == "rec-1"


def test_a_retried_workflow_is_processing_again(
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


def test_the_transcript_is_looked_up_by_recording(harness: WorkerHarness) -> None:
    harness.execute("get_recording", {"recording_id": "rec-1"})

    assert progress(harness) == ["in_progress", "completed"]


@pytest.mark.parametrize("reference", ["generate_padding_tasks", "generate_transcription_tasks"])
def test_a_task_type_used_twice_has_a_step_for_each_reference(reference: str) -> None:
    step = step_of(reference, "generate_dynamic_fork_tasks")

    assert step is not None
    assert step.reference == reference


def test_a_task_outside_the_pipeline_has_no_step() -> None:
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
def test_a_task_without_a_valid_transcript_still_runs(
    harness: WorkerHarness, payload: Json
) -> None:
    outcome = harness.execute("get_recording", payload)

    assert outcome.status in {"COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"}


def test_missing_tables_do_not_fail_a_task_without_state(
    empty_harness: WorkerHarness,
) -> None:
    with empty_harness.clients.state.engine.begin() as connection:
        for table in ("events", "branches", "consents", "transcripts"):
            connection.exec_driver_sql(f"DROP TABLE {table}")

    outcome = empty_harness.execute("get_recording", {"recording_id": "rec-1"})

    assert outcome.status == "COMPLETED"


@pytest.mark.parametrize(("wanted", "waited"), [(0.0, 0.0), (3.0, 3.0), (3600.0, 25.0)])
def test_an_attempt_ends_when_the_service_wants_the_next(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, wanted: float, waited: float
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(executor, "pause", pauses.append)
    failing(monkeypatch, "generate_title", TransientError("later", retry_after=wanted))

    harness.execute("generate_title", TITLE)

    assert pauses == [pytest.approx(waited, abs=1)]


def test_text_is_cleaned_where_it_enters(harness: WorkerHarness) -> None:
    words = [{"word": "hi\ud83d\x00", "start": 0, "end": 1, "speaker": 0}]
    payload = {"transcripts": [{"words": words, "track_index": 0}], "transcript_id": TRANSCRIPT_ID}

    harness.completed("merge_transcripts", payload)

    assert harness.transcript().words[0]["word"] == "hi\N{REPLACEMENT CHARACTER}"

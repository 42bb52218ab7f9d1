from __future__ import annotations

import pytest
from sqlalchemy import select

from fixtures_audio import make_meeting
from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.state.models import TaskCost
from reference_workers.workers import WORKERS
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
    topic,
)

TITLE: Json = {"topics": [topic()], "transcript_id": TRANSCRIPT_ID}


def costs(harness: WorkerHarness) -> list[TaskCost]:
    with harness.clients.state.read_session() as session:
        return list(session.scalars(select(TaskCost).order_by(TaskCost.task_id)))


def test_calls_bytes_and_tokens_are_recorded(harness: WorkerHarness) -> None:
    harness.execute("generate_title", TITLE)

    (cost,) = costs(harness)
    assert (cost.task_id, cost.workflow_id) == ("task-generate_title-0", "workflow-1")
    assert (cost.reference, cost.task_type, cost.attempt) == ("generate_title",) * 2 + (0,)
    assert (cost.transcript_id, cost.status, cost.runs) == (TRANSCRIPT_ID, "COMPLETED", 1)
    assert (cost.calls, cost.remembered) == (1, 0)
    assert cost.calls == harness.calls("llm")
    (request,) = harness.stand_ins.ledger.requests("llm")
    assert cost.bytes_out == len(request.body)
    assert cost.bytes_in > 0
    assert cost.prompt_tokens > cost.completion_tokens > 0
    assert cost.seconds > 0


def test_cache_hits_cost_no_calls(harness: WorkerHarness) -> None:
    for attempt in range(2):
        harness.execute("generate_title", TITLE, attempt=attempt)

    first, second = costs(harness)
    assert (first.calls, first.remembered) == (1, 0)
    assert (second.calls, second.remembered, second.prompt_tokens) == (0, 1, 0)


@pytest.mark.parametrize("index", [0, 1])
def test_audio_seconds_and_bytes_are_recorded(harness: WorkerHarness, index: int) -> None:
    """A track without gaps is copied without decoding; one with gaps is re-encoded."""
    track = make_meeting(tracks=2, seconds=20, offsets=[1, 2], seed=1).tracks[index]
    assert bool(track.gaps) is bool(index)
    key = harness.record(track)
    size = len(harness.s3.read(RECORDINGS, key))

    harness.completed(
        "pad_track",
        {
            "track_index": track.index,
            "s3_key": key,
            "bucket_name": RECORDINGS,
            "transcript_id": TRANSCRIPT_ID,
        },
    )

    (cost,) = costs(harness)
    silent = sum(end - start for start, end in track.gaps)  # no packets to decode
    decoded = track.duration - silent if track.gaps else 0
    assert cost.audio_seconds == pytest.approx(decoded, abs=0.1)
    # Packets without container overhead; those before the first gap are read twice.
    assert size / 2 < cost.bytes_in <= size * (1 + index)
    (padded,) = harness.s3.keys("transcripts")
    assert cost.bytes_out == len(harness.s3.read("transcripts", padded))
    assert cost.calls == 3  # HEAD, PUT, and HEAD of what is stored


@pytest.mark.parametrize("error", [TransientError("x"), PermanentError("x"), ValueError("x")])
def test_a_failed_task_has_costs(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    worker = WORKERS["generate_title"]

    def succeed_and_fail(*args: object, **kwargs: object) -> Json:
        worker(*args, **kwargs)
        raise error

    monkeypatch.setitem(WORKERS, "generate_title", succeed_and_fail)

    outcome = harness.execute("generate_title", TITLE, attempt=3)

    (cost,) = costs(harness)
    assert (cost.status, cost.attempt, cost.calls) == (outcome.status, 3, 1)
    assert cost.status != "COMPLETED"


def test_costs_of_a_repeated_attempt_are_summed(
    harness: WorkerHarness,
) -> None:
    for _ in range(2):
        harness.execute("get_recording", {"recording_id": "rec-1"})

    (cost,) = costs(harness)
    assert (cost.runs, cost.calls) == (2, 2)


def test_a_missing_table_fails_no_task(harness: WorkerHarness) -> None:
    with harness.clients.state.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE task_costs")

    assert harness.execute("generate_title", TITLE).status == "COMPLETED"


def test_all_workflows_of_a_transcript(harness: WorkerHarness) -> None:
    harness.clients.state.store_workflow("rec-1", "workflow-2")
    harness.execute("generate_title", TITLE)  # in workflow-1

    assert set(harness.clients.state.workflows_of(TRANSCRIPT_ID)) == {"workflow-1", "workflow-2"}
    assert harness.clients.state.workflows_of("nowhere") == []

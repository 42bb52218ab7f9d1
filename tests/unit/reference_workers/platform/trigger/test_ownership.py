"""A shadow run and a meeting that was handed over leave the counting pipeline's things alone."""

from __future__ import annotations

import pytest
import stamina

from reference_workers.platform.client import ConductorClient
from reference_workers.platform.reconciler import Reconciler
from reference_workers.platform.seed import seed
from reference_workers.platform.state.models import Consent, Recording, Transcript
from tests.unit.reference_workers.conductor_server import conductor_server
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    WorkerHarness,
    meeting_rows,
)

SHADOW = "transcript-shadow"


def hand_over(harness: WorkerHarness) -> None:
    with harness.clients.state.write_session() as session:
        session.get_one(Recording, "rec-1").legacy_task_id = "task-1"


def add_shadow(harness: WorkerHarness) -> None:
    with harness.clients.state.write_session() as session:
        session.add(Transcript(id=SHADOW, shadow_of=TRANSCRIPT_ID, status="processing"))
        session.flush()
        session.add(Consent(transcript_id=SHADOW, participant_id="p-ada", granted=False))


@pytest.mark.parametrize(
    ("task", "payload"),
    [
        ("generate_title", {"topics": [], "transcript_id": TRANSCRIPT_ID}),
        ("get_recording", {"recording_id": "rec-1"}),
    ],
)
def test_no_worker_touches_a_meeting_that_was_handed_over(
    task: str, payload: dict[str, object], harness: WorkerHarness
) -> None:
    hand_over(harness)

    outcome = harness.execute(task, payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "handed over to the legacy pipeline" in str(outcome.reason)
    assert harness.transcript().title is None
    assert harness.transcript().status == "uploaded"
    assert harness.event_names() == []
    assert harness.calls("daily") == 0


def test_the_workers_of_a_shadow_run_go_on(harness: WorkerHarness) -> None:
    hand_over(harness)
    add_shadow(harness)

    outcome = harness.execute("generate_title", {"topics": [], "transcript_id": SHADOW})

    assert outcome.status == "COMPLETED"
    assert harness.transcript().title is None


def test_a_shadow_run_keeps_the_raw_tracks(empty_harness: WorkerHarness) -> None:
    harness = empty_harness
    keys = ["standup/track-0"]
    seed(harness.clients.state, meeting_rows(track_keys=keys, granted={"p-ada": False}))
    harness.s3.client().put_object(Bucket=RECORDINGS, Key=keys[0], Body=b"raw")
    add_shadow(harness)

    harness.completed("cleanup_consent", {"transcript_id": SHADOW})

    assert set(harness.s3.keys(RECORDINGS)) == set(keys)
    harness.completed("cleanup_consent", {"transcript_id": TRANSCRIPT_ID})
    assert set(harness.s3.keys(RECORDINGS)) == set()


def test_participants_of_a_shadow_run_have_the_speakers_of_the_meeting(
    harness: WorkerHarness,
) -> None:
    add_shadow(harness)

    for transcript_id in (TRANSCRIPT_ID, SHADOW):
        harness.completed(
            "get_participants", {"mtg_session_id": "session-1", "transcript_id": transcript_id}
        )

    state = harness.clients.state
    speakers = [person["speaker"] for person in state.transcript(SHADOW).participants or []]
    assert speakers == [0, 1]
    assert state.transcript(TRANSCRIPT_ID).participants == state.transcript(SHADOW).participants


def test_the_reconciler_ends_the_shadow_and_not_the_meeting(harness: WorkerHarness) -> None:
    state = harness.clients.state
    state.store_workflow("rec-1", "workflow-1")
    hand_over(harness)
    add_shadow(harness)
    failed = {"workflowId": "workflow-1", "status": "FAILED", "tasks": []}

    with (
        stamina.set_testing(True, attempts=1),
        conductor_server(lambda *_: (200, failed)) as server,
        ConductorClient(server.url) as client,
    ):
        Reconciler(state, lambda: client, seconds=1).reconcile(client)

    assert state.transcript(SHADOW).status == "error"
    assert state.transcript(TRANSCRIPT_ID).status == "uploaded"

"""The legacy pipeline's one function, beside what tests/e2e/test_trigger.py shows of it."""

from __future__ import annotations

import pytest
import stamina
from sqlalchemy import select

from reference_workers.errors import TransientError
from reference_workers.platform.legacy.pipeline import ATTEMPTS, run_pipeline
from reference_workers.platform.seed import seed
from reference_workers.platform.state.models import TaskCost
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    WorkerHarness,
    meeting_rows,
)
from trackproof.testbed.stand_ins.faults import Fault

KEYS = ["standup/track-0"]


def test_a_task_that_comes_again_honours_consent_and_delivers_nothing(
    empty_harness: WorkerHarness,
) -> None:
    harness = empty_harness
    seed(harness.clients.state, meeting_rows(track_keys=KEYS, granted={"p-ada": False}))
    harness.s3.client().put_object(Bucket=RECORDINGS, Key=KEYS[0], Body=b"raw")
    with harness.clients.state.unit_of_work(TRANSCRIPT_ID) as unit:
        unit.set_status("ended")

    run_pipeline(harness.clients, TRANSCRIPT_ID, RECORDINGS, KEYS)

    assert set(harness.s3.keys(RECORDINGS)) == set()
    assert harness.transcript().audio_deleted
    assert (harness.calls("zulip"), harness.calls("webhook")) == (0, 0)


def test_an_outage_that_lasts_ends_the_meeting_with_an_error(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", status=503))

    with stamina.set_testing(True, attempts=ATTEMPTS), pytest.raises(TransientError):
        run_pipeline(harness.clients, TRANSCRIPT_ID, RECORDINGS, KEYS)

    assert harness.transcript().status == "error"
    with harness.clients.state.read_session() as session:
        [cost] = session.scalars(select(TaskCost)).all()
    assert (cost.transcript_id, cost.reference) == (TRANSCRIPT_ID, "get_recording")
    assert (cost.status, cost.runs) == ("FAILED", ATTEMPTS)
    assert cost.seconds > 0
    assert harness.calls("daily") == ATTEMPTS

"""Clauses `<task>.storage-errors` and `.missing-object`: S3 fails, or has not what it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.ids import new_id
from trackproof.suite.assertions import ClauseViolation, expect
from trackproof.suite.clauses.background_work import READERS, BackgroundWork
from trackproof.suite.clauses.every_task import Payload, valid_input
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness

Change = Callable[[Harness, Payload], Payload]


def _absent_track(_: Harness, payload: Payload) -> Payload:
    return {**payload, "s3_key": f"absent/{new_id()}-cam-audio-1"}


def _absent_url(harness: Harness, payload: Payload) -> Payload:
    key = f"absent/{new_id()}-cam-audio-1"
    url = harness.testbed.s3.presign(RECORDING_BUCKET, key, expires_in=PRESIGN_SECONDS)
    return {**payload, "padded_urls": [*payload["padded_urls"], url]}


ABSENT: dict[str, Change] = {
    "pad_track": _absent_track,
    "mixdown_tracks": _absent_url,
    "generate_waveform": lambda _, payload: {**payload, "audio_key": f"{new_id()}/audio.mp3"},
}


@pytest.mark.late(2)
@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=pytest.mark.clause(f"{task}.storage-errors")) for task in READERS],
)
def test_an_outage_of_storage_fails_the_attempt_for_a_retry(
    task: str, background_work: BackgroundWork, harness: Harness
) -> None:
    if background_work.outages is None:
        raise ClauseViolation("outages of S3", "none was tried", "run")

    observed = background_work.outages.statuses(task)

    expect(observed, "attempt statuses while S3 fails").equals(
        {outage: ["FAILED"] for outage in observed}
    )
    expect(len(observed), "outages").holds(len(observed) > 0, "at least one")


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=pytest.mark.clause(f"{task}.missing-object")) for task in READERS],
)
def test_a_missing_object_fails_terminally(task: str, harness: Harness) -> None:
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2])

    run = harness.run_task(task, ABSENT[task](harness, valid_input(harness, task, meeting)))

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(len(run.written), "objects written").equals(0)

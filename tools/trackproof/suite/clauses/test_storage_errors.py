"""Clauses `<task>.storage-errors` and `.missing-object`: S3 fails, or has not what it should."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.ids import new_id
from trackproof.runs.scenario import Scenario
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.every_task import Payload, valid_input
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness
from trackproof.suite.results import clauses_of

FAULTS: tuple[tuple[str, Any], ...] = (("status", 500), ("status", 503), ("drop", True))
"""Ways in which S3 fails every request."""

UPLOADS = ("pad_track", "mixdown_tracks")
READERS = (*UPLOADS, "generate_waveform")
METHODS: dict[Literal["GET", "PUT"], tuple[str, ...]] = {"GET": READERS, "PUT": UPLOADS}


@dataclass(frozen=True, slots=True)
class Outage:
    """S3 fails the requests of one method of one task."""

    task: str
    method: Literal["GET", "PUT"]
    fault: tuple[tuple[str, Any], ...]

    @property
    def reads_result(self) -> bool:
        """Whether the object has the transcript's id in its key, not the room's name."""
        return self.method == "PUT" or self.task == "generate_waveform"


OUTAGES = [
    Outage(task, method, (fault,))
    for method, tasks in METHODS.items()
    for task in tasks
    for fault in FAULTS
]

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


@pytest.fixture(scope="module")
def outages(session_harness: Harness, request: pytest.FixtureRequest) -> dict[Outage, list[str]]:
    """Let S3 fail for a meeting of each outage, side by side: a client may wait for half a minute.

    Returns:
        The attempt statuses of each outage.
    """
    session_harness.reset()
    judged = {str(name) for item in request.session.items for name in clauses_of(item)}
    cases = [outage for outage in OUTAGES if f"{outage.task}.storage-errors" in judged]
    with ThreadPoolExecutor(len(cases) or 1, thread_name_prefix="outage") as pool:
        runs = [
            pool.submit(run_in_outage, session_harness, *prepared)
            for prepared in ((outage, *prepare(session_harness, outage)) for outage in cases)
        ]
        statuses = [run.result() for run in runs]
    session_harness.check_faults()
    return dict(zip(cases, statuses, strict=True))


def prepare(harness: Harness, outage: Outage) -> tuple[Scenario, Payload]:
    """Prepare a meeting and let S3 fail for its objects alone."""
    meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2])
    payload = valid_input(harness, outage.task, meeting)
    part = meeting.transcript_id if outage.reads_result else meeting.room_name
    harness.break_service("s3", method=outage.method, path=f"*{part}*", **dict(outage.fault))
    return meeting, payload


def run_in_outage(
    harness: Harness, outage: Outage, meeting: Scenario, payload: Payload
) -> list[str]:
    [run] = harness.task_runner.run_tasks(
        outage.task, [payload], transcript_id=meeting.transcript_id, retries=0
    )
    return run.statuses


@pytest.mark.parametrize(
    "task",
    [pytest.param(task, marks=pytest.mark.clause(f"{task}.storage-errors")) for task in READERS],
)
def test_an_outage_of_storage_fails_the_attempt_for_a_retry(
    task: str, outages: Mapping[Outage, list[str]], harness: Harness
) -> None:
    observed = {
        f"{outage.method} {dict(outage.fault)}": statuses
        for outage, statuses in outages.items()
        if outage.task == task
    }

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

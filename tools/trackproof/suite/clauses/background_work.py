"""Work that lasts long and runs beside the late tests: long transcriptions and outages of S3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from trackproof.lab import RECORDING_BUCKET
from trackproof.runs.task_run import TaskRun
from trackproof.suite.clauses.every_task import valid_input
from trackproof.suite.clauses.storage import PRESIGN_SECONDS
from trackproof.suite.harness import Harness, VacuousTestError, describe_fault
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.wait import wait_until

HEARTBEAT_SECONDS, WORK_SECONDS = 15, 18
"""Response time-out of long work, and its length. Clients extend a lease after 80 % of it and look
once a second, which leaves 2 s on a busy machine."""

FAULTS: tuple[tuple[str, Any], ...] = (("status", 500), ("status", 503), ("drop", True))
"""Ways in which S3 fails every request."""

UPLOADS = ("pad_track", "mixdown_tracks")
READERS = (*UPLOADS, "generate_waveform")
METHODS: dict[Literal["GET", "PUT"], tuple[str, ...]] = {"GET": READERS, "PUT": UPLOADS}


class LongWork:
    """A transcription that takes longer than its response time-out."""

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
        """Do not wait for it: an interrupted verification ends at once."""
        self._pool.shutdown(wait=False, cancel_futures=True)


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


OUTAGES = tuple(
    Outage(task, method, (fault,))
    for method, tasks in METHODS.items()
    for task in tasks
    for fault in FAULTS
)


class OutageRuns:
    """A meeting for each outage of S3, side by side: a client may wait for half a minute."""

    def __init__(self, harness: Harness, outages: Sequence[Outage]) -> None:
        """Let S3 fail for the meetings' objects alone, and start the tasks."""
        self._pool = ThreadPoolExecutor(len(outages), thread_name_prefix="outage")
        prepared = []
        for outage in outages:
            meeting = harness.meeting(tracks=2, seconds=6, offsets=[0, 2])
            part = meeting.transcript_id if outage.reads_result else meeting.room_name
            prepared.append(
                (
                    *(outage, meeting, valid_input(harness, outage.task, meeting)),
                    Fault(
                        service="s3",
                        method=outage.method,
                        path=f"*{part}*",
                        **dict(outage.fault),
                    ),
                )
            )
        self._faults = harness.testbed.s3.faults.add_lasting(*(fault for *_, fault in prepared))
        self._runs = {
            outage: self._pool.submit(
                harness.task_runner.run_tasks,
                outage.task,
                [payload],
                transcript_id=meeting.transcript_id,
                retries=0,
            )
            for outage, meeting, payload, _ in prepared
        }

    def statuses(self, task: str) -> Mapping[str, list[str]]:
        """Wait for a task's runs; return the attempt statuses of each outage.

        Raises:
            TrackproofError: A run did not end.
            VacuousTestError: The fleet made none of the requests that fail.
        """
        observed = {
            f"{outage.method} {dict(outage.fault)}": run.result()[0].statuses
            for outage, run in self._runs.items()
            if outage.task == task
        }
        unmet = self._faults.unmet()
        if len(unmet) == len(self._runs):
            raise VacuousTestError.of(map(describe_fault, unmet))
        return observed

    def close(self) -> None:
        """Remove the faults; do not wait for the runs."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._faults.remove()


class BackgroundWork:
    """Begun before the first late test, as far as its clauses are judged."""

    def __init__(self, harness: Harness, clauses: frozenset[str]) -> None:
        """Start it."""
        harness.reset()
        outages = [outage for outage in OUTAGES if f"{outage.task}.storage-errors" in clauses]
        self.outages = OutageRuns(harness, outages) if outages else None
        self.long_work = LongWork(harness) if "pipeline.heartbeat" in clauses else None

    def close(self) -> None:
        """Do not wait for it."""
        for work in (self.outages, self.long_work):
            if work is not None:
                work.close()

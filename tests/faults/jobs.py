"""Processes that take cells from one queue, each with a testbed and a fleet of its own."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from queue import Empty
from typing import Final

from tests.faults.cells import Cell
from tests.faults.lane import Lane
from tests.faults.outcome import CellResult
from tests.faults.scaling import scaled
from trackproof.errors import TrackproofError
from trackproof.fleet import load_profile
from trackproof.testbed.small_disk import isolate_mounts

POLL_SECONDS: Final = 0.5
MOST_FAILED_STARTS: Final = 2
"""Lanes that may fail to start in a row, such as on a busy machine, before a job gives up."""

Numbered = tuple[int, Cell]


@dataclass(frozen=True, slots=True)
class LaneOptions:
    """What the lanes run, and where."""

    fleet: str
    version: str
    database: str | None


def run_in_jobs(
    options: LaneOptions,
    number: int,
    chosen: Sequence[Numbered],
    keep: Callable[[CellResult], None],
) -> bool:
    """Run cells in several processes; return whether a user interrupted them.

    Args:
        options: What the lanes run.
        number: Number of processes.
        chosen: The cells.
        keep: Receives each result as soon as it is there.

    Raises:
        TrackproofError: A job died, and cells have no result.
    """
    process = get_context("spawn")
    work: Queue[Numbered | None] = process.Queue()
    done: Queue[CellResult] = process.Queue()
    jobs = [
        process.Process(target=_job, args=(options, work, done), daemon=True)
        for _ in range(min(number, len(chosen)))
    ]
    for one in (*chosen, *(None for _ in jobs)):
        work.put(one)
    for job in jobs:
        job.start()
    left = len(chosen)
    try:
        while left and (any(job.is_alive() for job in jobs) or not done.empty()):
            with suppress(Empty):
                keep(done.get(timeout=POLL_SECONDS))
                left -= 1
        for job in jobs:
            job.join()
    except KeyboardInterrupt:
        for job in jobs:
            job.terminate()  # their servers end with them
        for job in jobs:
            job.join()
        return True
    if left:
        raise TrackproofError(
            f"{left} of {len(chosen)} cells have no result",
            hint="a job died; its error is printed above. --resume runs the others",
        )
    return False


def _job(options: LaneOptions, work: Queue[Numbered | None], done: Queue[CellResult]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends all of them
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that its servers end too
    with suppress(TrackproofError):
        isolate_mounts()
    profile = scaled(load_profile(options.fleet))
    failed_starts = 0
    next_one = work.get()
    while next_one is not None and failed_starts < MOST_FAILED_STARTS:
        one, cell = next_one, next_one[1]
        try:
            with Lane.started(profile, version=options.version, database=options.database) as lane:
                failed_starts = 0
                next_one = _run_cells(lane, one, work, done)
        except TrackproofError as error:
            failed_starts += 1
            if failed_starts == MOST_FAILED_STARTS:
                done.put(CellResult(cell.id, cell.task, "error", f"no lane: {error.what}"))


def _run_cells(
    lane: Lane, one: Numbered | None, work: Queue[Numbered | None], done: Queue[CellResult]
) -> Numbered | None:
    """Run cells until the queue is empty; return the next one if it needs a new lane."""
    while one is not None:
        number, cell = one
        result = lane.run(cell, number)
        done.put(result)
        one = work.get()
        if result.outcome in {"error", "WRONG"}:
            break  # what it has left behind would disturb the next cells
    return one

"""Run one meeting through the whole pipeline and check the result: `trackproof run`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from fixtures_audio import Meeting, make_meeting
from fixtures_audio.webm import BIT_RATE
from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, UsageError
from trackproof.events.runs import RunEnded, RunStarted, StepsSeen
from trackproof.events.stream import Event, Note, Writer
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed, database_choice
from trackproof.runs.audio_progress import AudioWriting
from trackproof.runs.follow import Workflow
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import Scenario

MEGABYTE = 1_000_000
SPARE_BYTES = 20 * MEGABYTE


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `trackproof run` runs, and where."""

    tracks: int = 3
    seconds: float = 30.0
    seed: int = 0
    denied: Sequence[int] = ()
    conductor: str = "auto"
    version: str = "3.15.0"
    database: str | None = None
    fleet: FleetProfile = REFERENCE


def check_meeting(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
    """Start everything, run the workflow, check the result, end everything.

    Raises:
        UsageError: The meeting is too short for its tracks.
        TrackproofError: The environment could not start, or the fleet died.
    """
    began = time.monotonic()

    emitting = Lock()  # progress comes from other threads

    def emit(event: Event) -> None:
        with emitting:
            for writer in writers:
                writer.write(event)

    with (
        TemporaryDirectory(prefix="trackproof-meeting-") as folder,
        ThreadPoolExecutor(1) as pool,
        AudioWriting(options.tracks, options.seconds, emit) as writing,
    ):
        # The audio is written while the server starts. An interruption cancels the writing.
        meeting = _meeting(options)
        writing.expect(meeting)
        _check_space(meeting, Path(folder))
        prepared = pool.submit(
            Scenario.create,
            meeting,
            Path(folder),
            denied=options.denied,
            sound=writing.counted(),
        )
        prepared.add_done_callback(lambda _: writing.stop())
        with (
            Testbed.started(
                conductor=options.conductor,
                version=options.version,
                database=database_choice(options.fleet, options.database),
                report=lambda line: emit(Note(line)),
            ) as testbed,
            testbed.fleet(options.fleet) as fleet,
        ):
            server = testbed.conductor
            contracts = load_contracts()

            def on_start(workflow_id: str) -> None:
                emit(RunStarted(workflow_id, options.tracks, server.backend, server.version))

            def on_poll(workflow: Workflow) -> None:
                emit(StepsSeen(tuple(step_states(contracts.steps, workflow, time.time()))))

            run = run_meeting(testbed, fleet, prepared.result(), on_start=on_start, on_poll=on_poll)
            checks = []
            for check in judge(run.evidence):
                checks.append(check)
                emit(check)
            ended = RunEnded(
                status=run.status,
                workflow_id=run.workflow["workflowId"],
                tracks=options.tracks,
                backend=server.backend,
                version=server.version,
                seconds=round(time.monotonic() - began, 3),
                steps=run.evidence.steps,
                checks=tuple(checks),
            )
    emit(ended)
    return ended


def _check_space(meeting: Meeting, folder: Path) -> None:
    needed = round(sum(track.duration for track in meeting.tracks) * BIT_RATE / 8)
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise TestbedError(
            f"not enough disk space for the meeting's audio: it needs "
            f"{(needed + SPARE_BYTES) / MEGABYTE:.0f} MB, {folder.parent} has "
            f"{free / MEGABYTE:.0f} MB free",
            hint="free some space, set TMPDIR to a folder on another disk, or shorten the meeting",
        )


def _meeting(options: RunOptions) -> Meeting:
    try:
        return make_meeting(tracks=options.tracks, seconds=options.seconds, seed=options.seed)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{options.tracks} tracks do not fit into a meeting of {options.seconds:g} s: {error}",
            hint="give it more --seconds",
        ) from error

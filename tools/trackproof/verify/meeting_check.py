"""Run one meeting through the whole pipeline and check the result: `trackproof run`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fixtures_audio import Meeting, make_meeting
from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.events.runs import RunEnded, RunStarted, StepsSeen
from trackproof.events.stream import Event, Note, Writer
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed, database_choice
from trackproof.runs.follow import Workflow
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import Scenario


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

    def emit(event: Event) -> None:
        for writer in writers:
            writer.write(event)

    with TemporaryDirectory(prefix="trackproof-meeting-") as folder, ThreadPoolExecutor(1) as pool:
        # The audio is written while the server starts.
        meeting = _meeting(options)
        prepared = pool.submit(Scenario.create, meeting, Path(folder), denied=options.denied)
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


def _meeting(options: RunOptions) -> Meeting:
    try:
        return make_meeting(tracks=options.tracks, seconds=options.seconds, seed=options.seed)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"{options.tracks} tracks do not fit into a meeting of {options.seconds:g} s: {error}",
            hint="give it more --seconds",
        ) from error

"""Send one meeting through the whole pipeline and judge what comes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fixtures_audio import Meeting, make_meeting
from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError, UsageError
from trackproof.events.stream import Event, Note, RunEnded, RunStarted, StepsSeen, Writer
from trackproof.fleet import REFERENCE, Fleet, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.evidence import gather
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor.rest import ENDED

FOLLOW_SECONDS = 0.1
"""Between two looks at the workflow."""

STALL_SECONDS = 300.0
"""Without any change in the workflow, the run is given up."""


Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `trackproof run` can be asked for."""

    tracks: int = 3
    seconds: float = 30.0
    seed: int = 0
    denied: Sequence[int] = ()
    conductor: str = "auto"
    version: str = "3.15.0"
    database: str | None = None
    fleet: FleetProfile = REFERENCE


def run_meeting(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
    """Start everything, run the workflow, check the result, end everything.

    Raises:
        TrackproofError: The environment could not start, or the fleet died.
    """
    began = time.monotonic()

    def tell(event: Event) -> None:
        for writer in writers:
            writer.write(event)

    with (
        TemporaryDirectory(prefix="trackproof-meeting-") as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        # The audio is written while the server starts.
        meeting = _meeting(options)
        making = pool.submit(Scenario.prepared, meeting, Path(folder), denied=options.denied)
        with (
            Testbed.started(
                conductor=options.conductor,
                version=options.version,
                database=options.database,
                report=lambda line: tell(Note(line)),
            ) as testbed,
            testbed.fleet(options.fleet) as fleet,
        ):
            scenario = making.result()
            workflow = carry_out(testbed, fleet, scenario, tell)
            evidence = gather(testbed, fleet, scenario, workflow, time.time())
            checks = []
            for check in judge(evidence):
                checks.append(check)
                tell(check)
            ended = RunEnded(
                status=workflow["status"],
                workflow_id=workflow["workflowId"],
                tracks=options.tracks,
                backend=testbed.conductor.backend,
                version=testbed.conductor.version,
                seconds=round(time.monotonic() - began, 3),
                steps=evidence.steps,
                checks=tuple(checks),
            )
    tell(ended)
    return ended


def _meeting(options: RunOptions) -> Meeting:
    try:
        return make_meeting(tracks=options.tracks, seconds=options.seconds, seed=options.seed)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"no meeting of {options.tracks} tracks fits into {options.seconds:g} s: {error}",
            hint="give it more --seconds",
        ) from error


def carry_out(testbed: Testbed, fleet: Fleet, scenario: Scenario, tell: Tell) -> dict[str, Any]:
    """Register, seed, start and follow the workflow to its end; return it as it ended."""
    contracts, testbed = load_contracts(), testbed.translated_for(fleet)
    scenario.publish(testbed)
    fleet.register(testbed.rest.api_url)
    secret = testbed.stand_ins.credentials.webhook_secret
    webhook = f"{testbed.served.urls['webhook']}/{scenario.room_name}"
    scenario.ids.update(fleet.seed(scenario.rows(webhook, secret)))
    fleet.wait_until_polling(testbed.rest, sorted(contracts.tasks))
    workflow_id = testbed.rest.start_workflow(
        contracts.workflow["name"], contracts.workflow["version"], scenario.workflow_input()
    )
    server = testbed.conductor
    tell(RunStarted(workflow_id, len(scenario.track_keys), server.backend, server.version))
    return _followed(testbed, fleet, workflow_id, tell)


def _followed(testbed: Testbed, fleet: Fleet, workflow_id: str, tell: Tell) -> dict[str, Any]:
    contracts = load_contracts()
    shown: object = None
    changed_at = time.monotonic()
    while True:
        workflow = testbed.rest.workflow(workflow_id)
        steps = tuple(step_states(contracts.steps, workflow, time.time()))
        progress = tuple((step.status, step.attempts, step.branches_done) for step in steps)
        if progress != shown:
            shown, changed_at = progress, time.monotonic()
        tell(StepsSeen(steps))
        if workflow["status"] in ENDED:
            return workflow
        fleet.check_alive()
        if time.monotonic() - changed_at > STALL_SECONDS:
            raise DeadlineError(
                f"nothing moved in workflow {workflow_id} for {STALL_SECONDS:g} s",
                evidence="\n".join(f"{step.name}: {step.status}" for step in steps),
                hint="see the fleet's log; a task may wait for a worker that polls no more",
            )
        time.sleep(FOLLOW_SECONDS)

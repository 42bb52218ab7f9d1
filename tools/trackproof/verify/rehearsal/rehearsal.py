"""`trackproof rehearse`: a product's move to Conductor, tried before it is made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fixtures_audio import make_meeting
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, UsageError
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.fleet.profile import Position
from trackproof.lab import Testbed
from trackproof.runs.product import Product
from trackproof.runs.product.product import trigger_terms
from trackproof.runs.scenario import Scenario
from trackproof.suite.session import open_fleet, start_testbed
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.verify.rehearsal.results import Rehearsal, StageResult
from trackproof.verify.rehearsal.stages import STAGES, Stages


@dataclass(frozen=True, slots=True)
class RehearsalOptions:
    """What is rehearsed, and where."""

    meetings: int = len(STAGES)
    """Spread over the stages; the outage adds one."""
    conductor: str = "auto"
    version: str = DEFAULT_VERSION
    database: str | None = None
    fleet: FleetProfile = REFERENCE
    similarity: float | None = None
    """Least share of common words of texts by an LLM in a shadow run; None: equal texts."""
    limit: float = 120.0
    """Seconds within which the meetings of a stage must end."""
    stages: tuple[Position, ...] = STAGES
    """The stages of the move, in their order."""
    tracks: int = 2
    seconds: float = 6.0
    """Length of each meeting."""
    seed: int = 0
    """Of the first meeting; each further one has the next."""


def rehearse(
    options: RehearsalOptions, report: Callable[[str], None] = lambda _line: None
) -> Rehearsal:
    """Move a product through all stages and return what became of its meetings.

    Args:
        options: What is rehearsed, and where.
        report: Takes one line at a time on what happens.

    Raises:
        UsageError: The profile lacks a part of the move.
        TrackproofError: A server, the fleet or a trigger does not start, or the fleet died.
    """
    check_profile(options.fleet)
    if options.meetings < len(options.stages):
        raise UsageError(
            f"{options.meetings} meetings are not enough: each of the {len(options.stages)} "
            "stages has one"
        )
    began = time.monotonic()
    profile = options.fleet
    with (
        TemporaryDirectory(prefix="trackproof-rehearsal-") as folder,
        ThreadPoolExecutor(1) as pool,
    ):
        scenarios = [  # written while the servers start
            pool.submit(_scenario, Path(folder) / str(number), options, number)
            for number in range(options.meetings + 1)
        ]
        with start_testbed(profile, options, report) as testbed:
            stages = _run_on_testbed(testbed, profile, options, scenarios, report)
            server = f"{testbed.conductor.version} ({testbed.conductor.backend})"
    return Rehearsal(profile.name, server, stages, time.monotonic() - began)


def check_profile(profile: FleetProfile) -> None:
    """Check that a profile describes the whole move.

    Raises:
        UsageError: It lacks a part.
    """
    terms = trigger_terms(profile)
    needed = {
        "transcript_sql or transcript_url": profile.transcript_sql or profile.transcript_url,
        "shadow_sql": profile.shadow_sql,
        "trigger.legacy_command": terms.legacy_command,
        "trigger.recording_sql": terms.recording_sql,
    }
    if missing := [name for name, value in needed.items() if not value]:
        raise UsageError(
            f"the profile of fleet {profile.name!r} lacks what a rehearsal needs: "
            + ", ".join(missing),
            hint="`trackproof fleet new` explains the keys of [trigger]",
        )


def shares_of(meetings: int, stages: Sequence[Position] = STAGES) -> dict[Position, int]:
    """Return the number of meetings by stage, the outage's own left out."""
    each, rest = divmod(meetings, len(stages))
    return {stage: each + (index < rest) for index, stage in enumerate(stages)}


def _run_on_testbed(
    testbed: Testbed,
    profile: FleetProfile,
    options: RehearsalOptions,
    scenarios: list[Future[Scenario]],
    report: Callable[[str], None],
) -> tuple[StageResult, ...]:
    tasks = sorted(load_contracts().tasks)
    with (
        testbed.surroundings(profile, watched=True) as around,
        open_fleet(testbed, profile, tasks, report, around) as (fleet, refusal),
    ):
        if refusal is not None:
            raise refusal
        if around.traffic is None or around.starts is None:
            raise TestbedError(
                "an outage needs a Conductor on plain HTTP in this network, and a fleet that the "
                "laboratory starts",
                hint="leave out --conductor, and `attach` in the profile",
            )
        product = Product(testbed.translated_for(fleet), fleet, around, testbed.folder)
        return Stages(
            product,
            around.traffic,
            around.starts,
            _results(scenarios),
            options.limit,
            options.similarity,
            report,
        ).run(shares_of(options.meetings, options.stages))


def _results(scenarios: list[Future[Scenario]]) -> Iterator[Scenario]:
    for one in scenarios:
        yield one.result()


def _scenario(folder: Path, options: RehearsalOptions, number: int) -> Scenario:
    meeting = make_meeting(
        tracks=options.tracks, seconds=options.seconds, seed=options.seed + number
    )
    return Scenario.create(meeting, folder)

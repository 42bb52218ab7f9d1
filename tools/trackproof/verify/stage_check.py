"""Run a scenario of the product's switch between its pipelines, as a part of a rehearsal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Note
from trackproof.fleet import FleetProfile
from trackproof.scenarios import ScenarioFile
from trackproof.suite.session import Servers
from trackproof.verify.rehearsal import RehearsalOptions, rehearse
from trackproof.verify.rehearsal.results import Rehearsal, StageResult
from trackproof.verify.stream import Stream


def check_stages(
    scenario: ScenarioFile, profile: FleetProfile, where: Servers, stream: Stream
) -> RunEnded:
    """Run the stages of a scenario on a testbed of their own and emit the verdict.

    Raises:
        UsageError: The profile lacks a part of the move.
        TrackproofError: A server, the fleet or a trigger does not start.
    """
    began = time.monotonic()
    meeting = scenario.meeting
    move = rehearse(
        RehearsalOptions(
            meetings=len(scenario.stages),
            conductor=where.conductor,
            version=where.version,
            database=where.database,
            fleet=profile,
            stages=scenario.stages,
            tracks=meeting.tracks,
            seconds=meeting.seconds,
            seed=meeting.seed,
        ),
        _notes(stream),
    )
    checks = tuple(check for stage in move.stages for check in _checks(stage))
    for check in checks:
        stream.emit(check)
    ended = RunEnded(
        status="COMPLETED" if move.go else "FAILED",
        workflow_id="",
        tracks=meeting.tracks,
        backend=_backend(move),
        version=where.version,
        seconds=round(time.monotonic() - began, 3),
        steps=(),
        checks=checks,
        fleet=profile.name,
    )
    stream.emit(ended)
    return ended


def _notes(stream: Stream) -> Callable[[str], None]:
    def report(line: str) -> None:
        stream.emit(Note(line))

    return report


def _backend(move: Rehearsal) -> str:
    return move.server.partition("(")[2].removesuffix(")")


def _checks(stage: StageResult) -> Iterator[Check]:
    """Yield a check for each way in which a meeting of a stage can go wrong."""
    for kind in ("lost", "doubled", "mismatched"):
        problems = [
            f"{one.recording_id}: {getattr(one, kind)}"
            for one in stage.meetings
            if getattr(one, kind)
        ]
        count = len(stage.meetings)
        otherwise = f"none of {count} {'meeting' if count == 1 else 'meetings'}"
        yield Check.of(f"{stage.name}.{kind}", problems, otherwise=otherwise)
    yield Check.of(f"{stage.name}.switch", stage.faults, otherwise="the switch worked as it stood")

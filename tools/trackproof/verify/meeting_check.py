"""Run one meeting through the whole pipeline and check the result: `trackproof run`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx

from fixtures_audio import Meeting, make_meeting
from fixtures_audio.webm import BIT_RATE
from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, TrackproofError, UsageError
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Note, Writer
from trackproof.events.verification import EnvironmentKept, KeptRun
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.audio_progress import AudioWriting
from trackproof.runs.pipeline_run import run_registered_meeting
from trackproof.runs.scenario import Scenario
from trackproof.scratch import clear_abandoned, scratch_folder
from trackproof.suite.options import is_served
from trackproof.suite.redaction import redacted_parts
from trackproof.suite.session import addresses, open_fleet, start_testbed
from trackproof.verify.disk import check_disk, naming_a_full_disk
from trackproof.verify.run_progress import RunProgress
from trackproof.verify.stream import Stream
from trackproof.wait import wait_for_interrupt

MEETING_PREFIX = "trackproof-meeting-"
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
    keep: bool = False
    """Leave the testbed running after the verdict, until Ctrl-C."""


def check_meeting(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
    """Start everything, run the workflow, check the result, end everything.

    Whatever ends it early, the writers get a `RunEnded` with what was seen so far.

    Raises:
        UsageError: The meeting is too short for its tracks, or the fleet serves only a part.
        TrackproofError: The environment could not start, the fleet failed the preflight or died,
            or a report could not be written.
    """
    stream = Stream(writers)
    progress = RunProgress(
        stream,
        fleet=options.fleet.name,
        tracks=options.tracks,
        server=(options.conductor, options.version),
    )
    clear_abandoned(MEETING_PREFIX)
    try:
        _check_serves(options.fleet)
        with (
            scratch_folder(MEETING_PREFIX) as folder,
            ThreadPoolExecutor(1) as pool,
            AudioWriting(options.tracks, options.seconds, stream.emit) as writing,
        ):
            # The audio is written while the server starts. An interruption cancels the writing.
            meeting = _meeting(options)
            writing.expect(meeting)
            _check_space(meeting, folder)
            prepared = pool.submit(
                Scenario.create,
                meeting,
                folder,
                denied=options.denied,
                sound=writing.counted(),
            )
            prepared.add_done_callback(lambda _: writing.stop())
            return _run_on_testbed(options, progress, prepared.result, stream)
    except KeyboardInterrupt:
        progress.end_early("interrupted by Ctrl-C or SIGTERM")
        raise
    except TrackproofError as error:
        progress.end_early(str(error))
        raise


def _run_on_testbed(
    options: RunOptions, progress: RunProgress, scenario: Callable[[], Scenario], stream: Stream
) -> RunEnded:
    profile = options.fleet

    def report(line: str) -> None:
        stream.emit(Note(line))

    with (
        start_testbed(profile, options, report) as testbed,
        naming_a_full_disk(testbed.folder),
        open_fleet(testbed, profile, sorted(load_contracts().tasks), report) as (fleet, refusal),
    ):
        progress.use(testbed, fleet)
        if refusal is not None:
            raise refusal
        with _terminated_on_error(testbed, progress):
            run = run_registered_meeting(
                testbed,
                fleet,
                scenario(),
                on_start=progress.start,
                on_poll=progress.poll,
            )
        check_disk(testbed.folder)
        checks = []
        for check in judge(run.evidence):
            seen = redacted_parts(as_declared(check, profile, date.today()), progress.secrets)
            checks.append(seen)
            stream.emit(seen)
        ended = progress.end(run.workflow, run.evidence.steps, checks)
        stream.check_written()
        if options.keep:
            runs = (KeptRun("meeting", run.status, (ended.workflow_id,)),)
            stream.emit(EnvironmentKept(addresses(testbed, fleet.database_url), runs))
            wait_for_interrupt(testbed.conductor.check_alive)
    return ended


@contextmanager
def _terminated_on_error(testbed: Testbed, progress: RunProgress) -> Iterator[None]:
    """Terminate the workflow on a server that others use: no fleet may take it up later."""
    try:
        yield
    except BaseException:
        if testbed.conductor.backend == "url" and progress.workflow_id:
            with suppress(TrackproofError, httpx.HTTPError):
                testbed.rest.terminate(progress.workflow_id, "trackproof run ended early")
        raise


def _check_serves(profile: FleetProfile) -> None:
    """Check that a fleet serves all task types: a meeting needs every one.

    Raises:
        UsageError: Its profile says that it serves a part.
    """
    tasks = load_contracts().tasks
    if missing := [name for name in tasks if not is_served(name, profile.serves)]:
        raise UsageError(
            f"a whole meeting needs all {len(tasks)} task types, but fleet {profile.name!r} serves "
            f"{len(tasks) - len(missing)}; missing: {', '.join(missing)}",
            hint="judge the tasks that it serves with `trackproof verify --fleet FILE`, or remove "
            "`serves` from its profile",
        )


def as_declared(check: Check, profile: FleetProfile, today: date) -> Check:
    """Return a check that needs invisible data as the profile's `[not_visible]` declares it."""
    if not check.not_visible:
        return check
    declared = profile.not_visible.get(check.not_visible)  # type: ignore[call-overload]
    if declared is None:
        advice = f"expose it, or declare `{check.not_visible}` in [not_visible] with a reason"
        return replace(check, detail=f"not judged: {check.detail}; {advice}")
    if declared.until is not None and today > declared.until:
        overdue = f"declared until {declared.until}: {declared.reason}"
        return replace(check, detail=f"not judged: {check.detail}; {overdue}")
    return replace(check, accepted=True, detail=f"not visible: {declared.reason}")


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

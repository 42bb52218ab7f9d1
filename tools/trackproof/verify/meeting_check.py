"""Run one meeting through the whole pipeline and check the result: `trackproof run`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fixtures_audio import Meeting, make_meeting
from fixtures_audio.webm import BIT_RATE
from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, TrackproofError, UsageError
from trackproof.events.runs import Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.steps import StepState
from trackproof.events.stream import Note, Writer
from trackproof.events.timeline import Cost, Timeline
from trackproof.events.verification import EnvironmentKept, KeptRun
from trackproof.fleet import REFERENCE, Fleet, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.audio_progress import AudioWriting
from trackproof.runs.costs import read_costs
from trackproof.runs.evidence import secrets_of
from trackproof.runs.follow import Workflow
from trackproof.runs.pipeline_run import run_registered_meeting
from trackproof.runs.progress import step_states
from trackproof.runs.scenario import Scenario
from trackproof.runs.timeline import timeline_of
from trackproof.suite.options import is_served
from trackproof.suite.redaction import redacted, redacted_parts
from trackproof.suite.session import addresses, open_fleet, start_testbed
from trackproof.verify.last_run import LastRun, keep
from trackproof.verify.stream import Stream
from trackproof.wait import wait_for_interrupt

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
    progress = _Progress(options, stream)
    try:
        _check_serves(options.fleet)
        with (
            TemporaryDirectory(prefix="trackproof-meeting-") as folder,
            ThreadPoolExecutor(1) as pool,
            AudioWriting(options.tracks, options.seconds, stream.emit) as writing,
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
            return _run_on_testbed(options, progress, prepared.result, stream)
    except KeyboardInterrupt:
        progress.end_early("interrupted by Ctrl-C or SIGTERM")
        raise
    except TrackproofError as error:
        progress.end_early(str(error))
        raise


def _run_on_testbed(
    options: RunOptions, progress: _Progress, scenario: Callable[[], Scenario], stream: Stream
) -> RunEnded:
    profile = options.fleet

    def report(line: str) -> None:
        stream.emit(Note(line))

    with (
        start_testbed(profile, options, report) as testbed,
        open_fleet(testbed, profile, sorted(load_contracts().tasks), report) as (fleet, refusal),
    ):
        progress.use(testbed, fleet)
        if refusal is not None:
            raise refusal
        run = run_registered_meeting(
            testbed,
            fleet,
            scenario(),
            on_start=progress.start,
            on_poll=progress.poll,
        )
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

            def check_alive() -> None:
                testbed.conductor.check_alive()
                fleet.check_alive()

            wait_for_interrupt(check_alive)
    return ended


class _Progress:
    """What has been seen of a run so far; emits its events, without keys and signed URLs."""

    def __init__(self, options: RunOptions, stream: Stream) -> None:
        self.secrets: tuple[str, ...] = ()
        self._options = options
        self._stream = stream
        self._began = time.monotonic()
        self._steps = load_contracts().steps
        self._backend, self._version = options.conductor, options.version
        self._workflow: Mapping[str, Any] | None = None
        self._database_url = ""
        self._ended = False

    def use(self, testbed: Testbed, fleet: Fleet) -> None:
        """Take the testbed and the fleet that have started."""
        self._backend, self._version = testbed.conductor.backend, testbed.conductor.version
        self._database_url = fleet.database_url
        self.secrets = secrets_of(testbed, fleet.database_url)

    def start(self, workflow_id: str) -> None:
        """Emit the start of the workflow."""
        self._stream.emit(
            RunStarted(workflow_id, self._options.tracks, self._backend, self._version)
        )

    def poll(self, workflow: Workflow) -> None:
        """Emit the state of every step."""
        self._workflow = workflow
        steps = tuple(step_states(self._steps, workflow, time.time()))
        self._stream.emit(StepsSeen(redacted_parts(steps, self.secrets)))

    def end(
        self, workflow: Mapping[str, Any], steps: Sequence[StepState], checks: Sequence[Check]
    ) -> RunEnded:
        """Keep the run for `explain --last` and emit its end."""
        costs = None
        with suppress(TrackproofError):  # most fleets have no table of costs
            costs = read_costs(self._database_url, str(workflow["workflowId"]))
        return self._emit_end(workflow, costs, steps, checks)

    def end_early(self, reason: str) -> None:
        """Keep what was seen and emit the end of a run that did not come to its verdict."""
        if self._ended:
            return
        workflow = self._workflow
        steps = step_states(self._steps, workflow, time.time()) if workflow else ()
        self._emit_end(workflow, None, steps, (), redacted(reason, self.secrets))

    def _emit_end(
        self,
        workflow: Mapping[str, Any] | None,
        costs: Mapping[str, Cost] | None,
        steps: Sequence[StepState],
        checks: Sequence[Check],
        interrupted: str = "",
    ) -> RunEnded:
        self._ended = True
        timeline = None
        if workflow is not None:
            timeline = redacted_parts(timeline_of(workflow, costs, time.time()), self.secrets)
            self._keep(timeline)
        ended = RunEnded(
            status=str(workflow["status"]) if workflow else "",
            workflow_id=str(workflow["workflowId"]) if workflow else "",
            tracks=self._options.tracks,
            backend=self._backend,
            version=self._version,
            seconds=round(time.monotonic() - self._began, 3),
            steps=redacted_parts(tuple(steps), self.secrets),
            checks=tuple(checks),
            fleet=self._options.fleet.name,
            timeline=timeline,
            interrupted=interrupted,
        )
        self._stream.emit(ended)
        return ended

    def _keep(self, timeline: Timeline) -> None:
        kept = LastRun(
            kept_at=datetime.now(UTC).isoformat(timespec="seconds"),
            fleet=self._options.fleet.name,
            conductor=f"{self._version} ({self._backend})",
            timeline=timeline,
        )
        try:
            keep(kept, self.secrets)
        except TrackproofError as error:
            self._stream.emit(Note(f"{error.what}; {error.hint}"))


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

"""Run one meeting through the whole pipeline and check the result: `trackproof run`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from fixtures_audio import Meeting
from fixtures_audio.webm import BIT_RATE
from trackproof.contracts.load import load_contracts
from trackproof.errors import TestbedError, TrackproofError, UsageError
from trackproof.events.runs import Check, ResultSeen, RunEnded
from trackproof.events.stream import Note, Writer
from trackproof.events.verification import EnvironmentKept, KeptRun
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.runs.audio_progress import AudioWriting
from trackproof.runs.scenario import Scenario
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.judgement import check_expectations
from trackproof.scenarios.meeting import make_scenario_meeting, sound_of, write_scenario_audio
from trackproof.scenarios.scenario_file import from_values
from trackproof.scratch import clear_abandoned, scratch_folder
from trackproof.suite.options import is_served
from trackproof.suite.redaction import redacted_parts
from trackproof.suite.session import addresses
from trackproof.verify.bench import Bench, MeetingRun
from trackproof.verify.disk import check_disk
from trackproof.verify.run_progress import RunProgress
from trackproof.verify.run_store import RunFolder, begin_run
from trackproof.verify.run_store.observed import keep_evidence, meeting_result
from trackproof.verify.stage_check import check_stages
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
    scenario: ScenarioFile | None = None
    """Everything else about the meeting; a clean one by default."""

    def as_scenario(self) -> ScenarioFile:
        """Return the scenario with the options' values of the meeting.

        Raises:
            UsageError: They contradict the rest of the scenario.
        """
        if not self.seconds > 0:
            raise UsageError(
                f"{self.tracks} tracks do not fit into a meeting of {self.seconds:g} s",
                hint="give it more --seconds",
            )
        values = {
            "tracks": self.tracks,
            "seconds": self.seconds,
            "seed": self.seed,
            "denied": tuple(self.denied),
        }
        if self.scenario is not None:
            return self.scenario.with_meeting(**values)
        title = f"A meeting of {self.tracks} tracks"
        return from_values({"name": "meeting", "title": title, "meeting": values}, "meeting")


def check_meeting(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
    """Start everything, run the workflow, check the result, end everything.

    Whatever ends it early, the writers get a `RunEnded` with what was seen so far. The run is kept
    in the default store.

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
        check_serves(options.fleet)
        scenario = options.as_scenario()
        check_expectations(scenario)
        folder = _kept(options.fleet, scenario, stream)
        if scenario.stages:
            ended = check_stages(scenario, options.fleet, options, stream)
            stream.check_written()
            return ended
        with (
            scratch_folder(MEETING_PREFIX) as scratch,
            ThreadPoolExecutor(1) as pool,
            AudioWriting(options.tracks, options.seconds, stream.emit) as writing,
        ):
            # The audio is written while the server starts. An interruption cancels the writing.
            meeting = make_scenario_meeting(scenario.meeting)
            writing.expect(meeting)
            check_space(meeting, scratch)
            prepared = pool.submit(prepare_meeting, scenario, meeting, scratch, writing)
            prepared.add_done_callback(lambda _: writing.stop())
            return _run(options, scenario, progress, prepared.result, stream, folder)
    except KeyboardInterrupt:
        progress.end_early("interrupted by Ctrl-C or SIGTERM")
        raise
    except TrackproofError as error:
        progress.end_early(str(error))
        raise


def prepare_meeting(
    scenario: ScenarioFile, meeting: Meeting, folder: Path, writing: AudioWriting
) -> Scenario:
    """Write a meeting's audio into a folder and choose its ids."""
    audio = write_scenario_audio(
        meeting, scenario.meeting, folder, writing.counted(sound_of(scenario.meeting))
    )
    return Scenario.recorded(meeting, audio, denied=scenario.meeting.denied)


def finish(
    run: MeetingRun, progress: RunProgress, stream: Stream, folder: RunFolder | None
) -> RunEnded:
    """Judge a meeting that has run, keep its evidence, and emit its checks and its end."""
    check_disk(run.bench.testbed.folder)
    checks: list[Check] = []
    for check in run.checks(date.today()):
        seen = redacted_parts(check, progress.secrets)
        checks.append(seen)
        stream.emit(seen)
    result = None
    if folder is not None:
        try:
            result = keep_evidence(folder, run.evidence, run.bench.testbed, progress.secrets)
        except OSError as error:
            stream.emit(Note(f"the run's evidence is not kept: {error}"))
    result = result or redacted_parts(meeting_result(run.evidence), progress.secrets)
    stream.emit(ResultSeen(result))
    return progress.end(run.run.workflow, run.evidence.steps, checks)


def _run(
    options: RunOptions,
    scenario: ScenarioFile,
    progress: RunProgress,
    prepared: Callable[[], Scenario],
    stream: Stream,
    folder: RunFolder | None,
) -> RunEnded:
    def report(line: str) -> None:
        stream.emit(Note(line))

    with Bench.opened(options.fleet, options, scenario, report) as bench:
        try:
            run = bench.run(scenario, prepared, progress)
        except KeyboardInterrupt:
            report(f"interrupted: fleet {options.fleet.name}, Conductor and the stand-ins end")
            raise
        ended = finish(run, progress, stream, folder)
        stream.check_written()
        if options.keep:
            runs = (KeptRun("meeting", run.run.status, (ended.workflow_id,)),)
            stream.emit(EnvironmentKept(addresses(bench.testbed, bench.fleet.database_url), runs))
            wait_for_interrupt(bench.testbed.conductor.check_alive)
    return ended


def _kept(profile: FleetProfile, scenario: ScenarioFile, stream: Stream) -> RunFolder | None:
    """Begin to keep the run; say why if it cannot be kept."""
    try:
        folder = begin_run("run", fleet=profile.name, name=scenario.name, scenario=scenario)
    except TrackproofError as error:
        stream.emit(Note(f"{error.what}; {error.hint}"))
        return None
    stream.add(folder)
    stream.emit(Note(f"run {folder.record.id} is kept in {folder.path.parent}"))
    return folder


def check_serves(profile: FleetProfile) -> None:
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


def check_space(meeting: Meeting, folder: Path) -> None:
    """Check that a meeting's audio fits on the disk.

    Raises:
        TestbedError: It does not.
    """
    needed = round(sum(track.duration for track in meeting.tracks) * BIT_RATE / 8)
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        raise TestbedError(
            f"not enough disk space for the meeting's audio: it needs "
            f"{(needed + SPARE_BYTES) / MEGABYTE:.0f} MB, {folder.parent} has "
            f"{free / MEGABYTE:.0f} MB free",
            hint="free some space, set TMPDIR to a folder on another disk, or shorten the meeting",
        )

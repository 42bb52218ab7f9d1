"""The queue of runs, and the testbed that stays warm between them."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trackproof.console.controls import Controls
from trackproof.console.live import LiveRun
from trackproof.console.warm_bench import WarmBench, Where
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.stream import Note
from trackproof.fleet import FleetProfile
from trackproof.runs.audio_progress import AudioWriting
from trackproof.runs.follow import Workflow
from trackproof.runs.scenario import Scenario
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.meeting import make_scenario_meeting
from trackproof.suite.redaction import redacted
from trackproof.verify.bench import Bench, MeetingRun
from trackproof.verify.meeting_check import check_space, finish, prepare_meeting
from trackproof.verify.run_progress import RunProgress
from trackproof.verify.run_store import RunFolder, RunStore, begin_run
from trackproof.verify.stage_check import check_stages
from trackproof.verify.stream import Stream

LOG_SECONDS: Final = 0.3
"""Between two looks at the fleet's log."""
KEPT_LIVE: Final = 50
"""Live pages of ended runs that are remembered."""


class StoppedError(TrackproofError):
    """The tester ended a run."""


@dataclass(eq=False, slots=True)
class Job:
    """One run, waiting or under way."""

    scenario: ScenarioFile
    profile: FleetProfile
    folder: RunFolder
    live: LiveRun
    stop: threading.Event = field(default_factory=threading.Event)
    retries: MeetingRun | None = None
    """The failed run that it goes on with."""

    @property
    def id(self) -> str:
        """The id of the run."""
        return self.folder.record.id


class Desk:
    """Runs one meeting after another, in a thread of its own."""

    def __init__(self, where: Where, load: Callable[[str], FleetProfile], folder: Path) -> None:
        """Start nothing yet.

        Args:
            where: Where runs take place.
            load: Returns the profile of a fleet by name or file.
            folder: For the audio of meetings.
        """
        self.store = RunStore.default()
        self.controls: Controls | None = None
        self.current: Job | None = None
        self._where, self._load, self._folder = where, load, folder
        self._queue: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="console", daemon=True)
        self._warm = WarmBench()
        self._retryable: dict[str, MeetingRun] = {}

    def start(self) -> None:
        """Begin to work on the queue."""
        self._thread.start()

    def close(self) -> None:
        """End the run under way and everything that was started."""
        with self._changed:
            self._closing = True
            if self.current is not None:
                self.current.stop.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def add(self, scenario: ScenarioFile, fleet: str) -> Job:
        """Put a run into the queue.

        Raises:
            TrackproofError: The fleet or the scenario is not valid, or nothing can be kept.
        """
        profile = self._load(scenario.fleet or fleet)
        make_scenario_meeting(scenario.meeting)
        folder = begin_run("run", fleet=profile.name, name=scenario.name, scenario=scenario)
        return self._enqueue(Job(scenario, profile, folder, LiveRun(folder.record.id)))

    def retry(self, run_id: str) -> Job:
        """Go on with a failed run from the task that failed.

        Raises:
            UsageError: The run cannot go on: its testbed has ended, or it has not failed.
        """
        earlier = self._retryable.get(run_id)
        job = self._jobs.get(run_id)
        if earlier is None or job is None:
            raise UsageError(
                f"run {run_id} cannot go on",
                hint="only a failed run whose testbed still runs can be retried",
            )
        job.stop.clear()
        job.retries = earlier
        job.live.show_state("queued", "it waits for its turn")
        return self._enqueue(job)

    def stop(self, run_id: str) -> None:
        """End a run early, or take it from the queue."""
        with self._changed:
            job = self._jobs.get(run_id)
            if job is None:
                return
            job.stop.set()
            if job in self._queue:
                self._queue.remove(job)
                self._end_early(job, "taken from the queue")

    def live(self, run_id: str) -> LiveRun | None:
        """Return the live page of a run of this desk."""
        job = self._jobs.get(run_id)
        return job.live if job else None

    def can_retry(self, run_id: str) -> bool:
        """Return whether a failed run's testbed still runs."""
        return run_id in self._retryable

    def queued(self) -> list[Job]:
        """Return the waiting runs, next first."""
        with self._changed:
            return list(self._queue)

    def _enqueue(self, job: Job) -> Job:
        with self._changed:
            self._queue.append(job)
            self._jobs[job.id] = job
            for old in list(self._jobs)[:-KEPT_LIVE]:
                if self._jobs[old].live.state == "ended":
                    del self._jobs[old]
            self._changed.notify_all()
        return job

    def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                try:
                    self._run(job)
                except Exception as error:  # whatever ends a run, the next one has its turn
                    known = isinstance(error, TrackproofError)
                    self._forget_bench()
                    self._end_early(
                        job, str(error) if known else f"{type(error).__name__}: {error}"
                    )
                finally:
                    self.current = None
        finally:
            self._forget_bench()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing)
            if self._closing:
                return None
            self.current = self._queue.popleft()
            return self.current

    def _run(self, job: Job) -> None:
        stream = Stream([job.folder, job.live])
        tracks = job.scenario.meeting.tracks
        where = self._where.for_scenario(job.scenario)
        progress = RunProgress(
            stream, fleet=job.profile.name, tracks=tracks, server=(where.conductor, where.version)
        )
        job.live.show_state("running", "the testbed starts")
        if job.scenario.stages:
            self._forget_bench()  # two testbeds at once are too much for most machines
            check_stages(job.scenario, job.profile, where, stream)
            return
        try:
            bench = self._warm.suits(
                job.scenario, job.profile, where, lambda line: stream.emit(Note(line))
            )
            self.controls = Controls(bench)
            run = self._meeting(job, bench, progress, stream)
        except TrackproofError as error:
            progress.end_early(str(error))
            if not isinstance(error, StoppedError):
                raise
            self._warm.terminate(progress.workflow_id)
            return
        finally:
            if self.controls is not None:
                with suppress(TrackproofError):
                    self.controls.resume_all()
                self.controls = None
        ended = finish(run, progress, stream, job.folder)
        self._retryable.pop(job.id, None)
        if ended.status in {"FAILED", "TIMED_OUT"}:
            self._retryable[job.id] = run

    def _meeting(self, job: Job, bench: Bench, progress: RunProgress, stream: Stream) -> MeetingRun:
        on_poll = _LogReader(job, bench, progress)
        if job.retries is not None:
            progress.workflow_id = str(job.retries.run.workflow["workflowId"])
            progress.use(bench.testbed, bench.fleet)
            return bench.retry(job.retries, progress, on_poll)
        table = job.scenario.meeting
        folder = self._folder / job.id
        folder.mkdir(parents=True)
        meeting = bench.make_meeting(job.scenario)
        check_space(meeting, folder)

        def prepared() -> Scenario:
            with AudioWriting(table.tracks, table.seconds, stream.emit) as writing:
                writing.expect(meeting)
                return prepare_meeting(job.scenario, meeting, folder, writing)

        return bench.run(job.scenario, prepared, progress, on_poll, by_hand=True)

    def _forget_bench(self) -> None:
        self._retryable.clear()
        self._warm.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end_early(self, job: Job, reason: str) -> None:
        """End a run that did not come to its own end."""
        if job.live.state == "ended":
            return
        progress = RunProgress(
            Stream([job.folder, job.live]),
            fleet=job.profile.name,
            tracks=job.scenario.meeting.tracks,
            server=(self._where.conductor, self._where.version),
        )
        progress.end_early(reason)


class _LogReader:
    """Shows new lines of the fleet's log after a poll; ends the run if the tester wants."""

    def __init__(self, job: Job, bench: Bench, progress: RunProgress) -> None:
        self._job, self._bench, self._progress = job, bench, progress
        self._read = len(bench.fleet.log())
        self._looked = 0.0

    def __call__(self, workflow: Workflow) -> None:
        if self._job.stop.is_set():
            raise StoppedError(f"ended by the tester while it was {workflow['status']}")
        self._job.live.tick()
        now = time.monotonic()
        if now - self._looked < LOG_SECONDS:
            return
        self._looked = now
        text = self._bench.fleet.log()
        new, self._read = text[self._read :], len(text)
        if lines := redacted(new, self._progress.secrets).splitlines():
            self._job.live.log(lines)

"""A testbed and a fleet on which meetings run one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final

import httpx

from fixtures_audio import Meeting
from trackproof.checks.storage import expected_keys
from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError
from trackproof.events.runs import Check
from trackproof.fleet import Fleet, FleetProfile
from trackproof.lab import TRANSCRIPT_BUCKET, Surroundings, Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.follow import Workflow
from trackproof.runs.pipeline_run import (
    Mark,
    PipelineRun,
    follow_meetings,
    run_registered_meeting,
)
from trackproof.runs.progress import has_failed
from trackproof.runs.scenario import Scenario
from trackproof.scenarios import ScenarioFile
from trackproof.scenarios.fault_plan import FaultPlan, needs_proxies
from trackproof.scenarios.judgement import judge_scenario
from trackproof.scenarios.meeting import make_scenario_meeting
from trackproof.suite.session import Report, Servers, open_fleet, start_testbed
from trackproof.testbed.stand_ins.services.known_speech import KnownSpeech
from trackproof.verify.declared import as_declared
from trackproof.verify.disk import naming_a_full_disk
from trackproof.verify.follower import Follower
from trackproof.verify.run_progress import RunProgress

FURTHER_WORDS: Final = 1_000_003
"""Seed of the words of a second meeting."""
TASK_SECONDS: Final = 60
"""Time-out of a task whose response time-out is shortened."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that a meeting needs, running."""

    testbed: Testbed
    fleet: Fleet
    around: Surroundings
    profile: FleetProfile
    meetings: dict[int, int] = field(default_factory=dict)
    """Number of meetings that were made, by seed."""

    @classmethod
    @contextmanager
    def opened(
        cls,
        profile: FleetProfile,
        options: Servers,
        scenario: ScenarioFile,
        report: Report,
        *,
        watched: bool = False,
    ) -> Iterator[Bench]:
        """Start everything that a scenario needs; it ends with the block.

        Args:
            profile: The fleet.
            options: Where Conductor and database come from.
            scenario: Its faults decide what stands in front of the servers.
            report: Takes one line at a time on what is being started.
            watched: Whether the fleet's requests to Conductor pass a gateway; faults need one.

        Raises:
            TrackproofError: A part could not be started, or the fleet does not poll.
        """
        tasks = sorted(load_contracts().tasks)
        watched, proxied = watched or bool(scenario.faults), needs_proxies(scenario.faults)
        with (
            start_testbed(profile, options, report) as testbed,
            naming_a_full_disk(testbed.folder),
            testbed.surroundings(profile, watched=watched, proxied=proxied) as around,
            open_fleet(testbed, profile, tasks, report, around) as (fleet, refusal),
        ):
            if refusal is not None:
                raise refusal
            if seconds := scenario.conductor.response_seconds:
                shorten_time_outs(testbed, seconds)
            yield cls(testbed, fleet, around, profile)

    def make_meeting(self, scenario: ScenarioFile) -> Meeting:
        """Generate a scenario's meeting; a further one with the same seed has other words.

        A fleet may remember the answers of services about equal words, which no fault would meet.

        Raises:
            UsageError: It is too short for its tracks.
        """
        seed = scenario.meeting.seed
        earlier = self.meetings.get(seed, 0)
        self.meetings[seed] = earlier + 1
        words_seed = FURTHER_WORDS + earlier if earlier else None
        return make_scenario_meeting(scenario.meeting, words_seed=words_seed)

    def run(
        self,
        scenario: ScenarioFile,
        meeting: Callable[[], Scenario],
        progress: RunProgress,
        on_poll: Callable[[Workflow], None] = lambda _workflow: None,
        *,
        by_hand: bool = False,
    ) -> MeetingRun:
        """Run a meeting to its end.

        Args:
            scenario: Its faults are injected.
            meeting: Returns the prepared meeting.
            progress: Takes the start and each poll.
            on_poll: Called with the run after each poll.
            by_hand: Whether a person may end or stop fleet and server meanwhile.

        Raises:
            TrackproofError: It could not be started, or made no progress.
        """
        progress.use(self.testbed, self.fleet)
        plan = FaultPlan(scenario.faults, self.testbed, self.around, self.fleet)
        before = frozenset(self.testbed.s3.keys(TRANSCRIPT_BUCKET))
        mark = Mark.now(self.testbed, self.fleet)
        prepared = meeting()
        follower = Follower(self.testbed, self.fleet, scenario, progress, on_poll, by_hand=by_hand)
        with self._heard(scenario, prepared), plan.armed(), self._terminated_on_error(progress):
            run = run_registered_meeting(
                self.testbed,
                self.fleet,
                prepared,
                on_start=progress.start,
                on_poll=follower.poll,
                since=mark,
                webhook_url=self.around.variables["webhook.url"],
                check_alive=follower.check_alive,
                outage_seconds=follower.outage_seconds,
            )
        return MeetingRun(self, scenario, prepared, run, plan, before, mark)

    def retry(
        self,
        earlier: MeetingRun,
        progress: RunProgress,
        on_poll: Callable[[Workflow], None] = lambda _workflow: None,
    ) -> MeetingRun:
        """Go on with a failed run from the task that failed, without faults.

        Where the failed task is a branch of a fork, the run begins anew.

        Raises:
            TrackproofError: The server refuses, or the run made no progress.
        """
        workflow_id = str(earlier.run.workflow["workflowId"])
        if any(_is_failed_join(task) for task in earlier.run.workflow["tasks"]):
            self.testbed.rest.restart(workflow_id)  # on 3.15.0 a retried JOIN stays SCHEDULED
        else:
            self.testbed.rest.retry(workflow_id)
        progress.continue_run()
        follower = Follower(
            self.testbed, self.fleet, earlier.scenario, progress, on_poll, by_hand=True
        )
        run = follow_meetings(
            self.testbed.translated_for(self.fleet),
            self.fleet,
            {"meeting": earlier.prepared},
            {"meeting": workflow_id},
            since=earlier.mark,
            on_poll=follower.poll,
            check_alive=follower.check_alive,
            outage_seconds=follower.outage_seconds,
        )["meeting"]
        return replace(earlier, run=run)

    @contextmanager
    def _heard(self, scenario: ScenarioFile, prepared: Scenario) -> Iterator[None]:
        """Let the transcription service understand speech while a spoken meeting runs."""
        modal = self.testbed.stand_ins.modal
        usual = modal.transcribe
        if scenario.meeting.voices == "espeak":
            modal.transcribe = KnownSpeech(prepared.meeting.tracks).transcribe
        try:
            yield
        finally:
            modal.transcribe = usual

    @contextmanager
    def _terminated_on_error(self, progress: RunProgress) -> Iterator[None]:
        """Terminate the workflow on a server that others use: no fleet may take it up later."""
        try:
            yield
        except BaseException:
            if self.testbed.conductor.backend == "url" and progress.workflow_id:
                with suppress(TrackproofError, httpx.HTTPError):
                    self.testbed.rest.terminate(progress.workflow_id, "trackproof run ended early")
            raise


@dataclass(frozen=True, slots=True)
class MeetingRun:
    """A meeting that has run on a bench."""

    bench: Bench
    scenario: ScenarioFile
    prepared: Scenario
    run: PipelineRun
    plan: FaultPlan
    before: frozenset[str]
    """Objects of earlier meetings."""
    mark: Mark

    @property
    def evidence(self) -> Evidence:
        """The evidence of this meeting, without the objects of earlier ones."""
        keys = frozenset(self.run.evidence.transcript_keys) - self.before
        return replace(self.run.evidence, transcript_keys=keys)

    def checks(self, today: date) -> Iterator[Check]:
        """Yield the checks, as the fleet's profile declares what is not visible."""
        evidence = self.evidence
        for check in judge_scenario(
            self.scenario,
            evidence,
            unmet=self.plan.problems,
            writes=self._writes(evidence) if self.scenario.faults else {},
            losses=self.plan.losses,
        ):
            yield as_declared(check, self.bench.profile, today)

    def _writes(self, evidence: Evidence) -> Mapping[str, int]:
        """Return how often each object of this meeting was written, deleted ones too."""
        store = self.bench.testbed.translated_for(self.bench.fleet).s3
        keys = evidence.transcript_keys | expected_keys(evidence, denied=False)
        return {
            key: sum(not one.deleted for one in store.history(TRANSCRIPT_BUCKET, key))
            for key in keys
        }


def _is_failed_join(task: Mapping[str, Any]) -> bool:
    return task.get("taskType") == "JOIN" and has_failed(str(task["status"]))


def shorten_time_outs(testbed: Testbed, response_seconds: int) -> None:
    """Give every task a short response time-out, so that a dead worker is noticed soon."""
    for definition in testbed.rest.task_definitions():
        limits: dict[str, Any] = {
            "responseTimeoutSeconds": response_seconds,
            "timeoutSeconds": max(TASK_SECONDS, response_seconds),
            "retryDelaySeconds": min(1, int(definition.get("retryDelaySeconds") or 0)),
        }
        testbed.rest.update_task_definition({**definition, **limits})

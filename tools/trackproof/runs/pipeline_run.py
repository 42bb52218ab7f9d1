"""Runs of the registered pipeline: one meeting, or several concurrently."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.evidence import Evidence, gather
from trackproof.runs.follow import Workflow, follow
from trackproof.runs.limits import FOLLOW_SECONDS, STALL_SECONDS, STATUS_SECONDS
from trackproof.runs.outputs import completed_output
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import Attempt, TaskRun
from trackproof.testbed import database
from trackproof.wait import wait_until

FINAL = frozenset({"ended", "error"})
"""Final statuses of a transcript."""


@dataclass(frozen=True)
class PipelineRun:
    """The result of one meeting's run through the pipeline."""

    name: str
    evidence: Evidence
    recordings: tuple[Mapping[str, Any], ...] | None
    """Recording rows with the run's workflow id; None if the profile has no query for them."""
    seconds: float

    @property
    def workflow(self) -> Mapping[str, Any]:
        """The run as Conductor's API returns it."""
        return self.evidence.workflow

    @property
    def status(self) -> str:
        """The workflow's status."""
        return str(self.workflow["status"])

    @cached_property
    def tasks(self) -> tuple[Mapping[str, Any], ...]:
        """Every attempt at a worker's task, in the server's order."""
        known = self.evidence.contracts.tasks
        return tuple(task for task in self.workflow["tasks"] if task["taskDefName"] in known)

    @property
    def progress(self) -> list[Mapping[str, Any]]:
        """The data of every PIPELINE_PROGRESS, oldest first."""
        return [data for name, data in self.evidence.events if name == "PIPELINE_PROGRESS"]

    def as_task_run(self) -> TaskRun:
        """Convert the run to a `TaskRun`, the form in which reports show evidence."""
        workflow = self.workflow
        attempt = Attempt(
            status=self.status,
            reason=workflow.get("reasonForIncompletion") or "",
            worker="",
            retry=0,
            started_at=(workflow.get("startTime") or 0) / 1000,
            ended_at=(workflow.get("endTime") or 0) / 1000,
            output=self.evidence.output,
        )
        return TaskRun(
            task="pipeline",
            sent=self.evidence.scenario.workflow_input(),
            workflow_id=workflow["workflowId"],
            workflow_status=self.status,
            attempts=(attempt,),
            events=self.evidence.events,
            requests=tuple(self.evidence.requests),
            transcript=self.evidence.transcript,
            written=frozenset(),
            deleted=frozenset(),
            log=self.evidence.fleet_log,
            seconds=self.seconds,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in the ledger and the log, to separate a run's evidence from earlier runs."""

    requests: int = 0
    log: int = 0
    at: float = 0.0
    """Epoch seconds."""

    @classmethod
    def now(cls, testbed: Testbed, fleet: Fleet) -> Mark:
        """Return the current position."""
        return cls(len(testbed.stand_ins.ledger.requests()), len(fleet.log()), time.time())


def run_meeting(
    testbed: Testbed,
    fleet: Fleet,
    scenario: Scenario,
    *,
    on_start: Callable[[str], None] = lambda _workflow_id: None,
    on_poll: Callable[[Workflow], None] = lambda _workflow: None,
) -> PipelineRun:
    """Register the definitions and run a meeting as `run_registered_meeting` does.

    Raises:
        ConductorRefusalError: The registered workflow cannot be started.
        DeadlineError: The run stopped making progress.
        FleetError: The fleet died.
    """
    fleet.register(testbed.rest.api_url)
    testbed = testbed.translated_for(fleet)
    fleet.wait_until_polling(testbed.rest, sorted(load_contracts().tasks))
    return run_registered_meeting(testbed, fleet, scenario, on_start=on_start, on_poll=on_poll)


def run_registered_meeting(
    testbed: Testbed,
    fleet: Fleet,
    scenario: Scenario,
    *,
    on_start: Callable[[str], None] = lambda _workflow_id: None,
    on_poll: Callable[[Workflow], None] = lambda _workflow: None,
    since: Mark | None = None,
    webhook_url: str = "",
    check_alive: Callable[[], None] | None = None,
    outage_seconds: float = 0.0,
) -> PipelineRun:
    """Publish and seed a meeting, and run it to its end.

    Args:
        testbed: The testbed to run on.
        fleet: A fleet that has registered its definitions and polls.
        scenario: The meeting.
        on_start: Called with the workflow id once the run has started.
        on_poll: Called with the run after each poll.
        since: Start of the requests and log lines that belong to the run; all by default.
        webhook_url: URL of the webhook receiver, if it is not the stand-in's own.
        check_alive: Called after each poll instead of the check that the fleet lives.
        outage_seconds: How long Conductor may fail to answer.

    Raises:
        ConductorRefusalError: The registered workflow cannot be started.
        DeadlineError: The run stopped making progress.
        FleetError: The fleet died.
    """
    testbed = testbed.translated_for(fleet)
    scenario.publish(testbed)
    secret = testbed.stand_ins.credentials.webhook_secret
    webhook = f"{webhook_url or testbed.served.urls['webhook']}/{scenario.room_name}"
    scenario.ids.update(fleet.seed(scenario.rows(webhook, secret)))
    fleet.watch(scenario.transcript_id)
    workflow_id = start_run(testbed, scenario)
    on_start(workflow_id)
    return follow_meetings(
        testbed,
        fleet,
        {"meeting": scenario},
        {"meeting": workflow_id},
        since=since or Mark(),
        on_poll=on_poll,
        check_alive=check_alive,
        outage_seconds=outage_seconds,
    )["meeting"]


def start_run(testbed: Testbed, scenario: Scenario) -> str:
    """Start the registered workflow for a meeting; return the workflow id.

    Raises:
        ConductorRefusalError: The server refuses to start it.
    """
    workflow = load_contracts().workflow
    return testbed.rest.start_workflow(
        workflow["name"], workflow["version"], scenario.workflow_input()
    )


def follow_meetings(
    testbed: Testbed,
    fleet: Fleet,
    meetings: Mapping[str, Scenario],
    workflow_ids: Mapping[str, str],
    *,
    since: Mark,
    seconds: float | None = None,
    on_poll: Callable[[Workflow], None] = lambda _workflow: None,
    check_alive: Callable[[], None] | None = None,
    outage_seconds: float = 0.0,
) -> dict[str, PipelineRun]:
    """Follow started runs to their ends and gather the evidence of each.

    Args:
        testbed: The testbed they run on, in the contracts' terms.
        fleet: The fleet under test.
        meetings: The meetings by name.
        workflow_ids: The workflow ids by the same names.
        since: Start of the requests and log lines that belong to these runs.
        seconds: Time limit for all runs together; by default a run may take as long as it makes
            progress.
        on_poll: Called with a run after each poll.
        check_alive: Called after each poll instead of the check that the fleet lives.
        outage_seconds: How long Conductor may fail to answer.

    Raises:
        DeadlineError: A run exceeded the limit.
        FleetError: The fleet died.
    """
    start = time.monotonic()
    workflows = {
        name: follow(
            testbed.rest,
            workflow_id,
            what=f"the pipeline run {workflow_id}",
            seconds=STALL_SECONDS if seconds is None else seconds,
            since=start,
            stalled_only=seconds is None,
            interval=FOLLOW_SECONDS,
            check_alive=check_alive or fleet.check_alive,
            on_poll=on_poll,
            outage_seconds=outage_seconds,
            hint="see the fleet's log: a task may wait for a worker that no longer polls",
        )
        for name, workflow_id in workflow_ids.items()
    }
    if fleet.exposes_rows:
        _wait_for_final_status(fleet, meetings.values())
    requests = testbed.stand_ins.ledger.requests()[since.requests :]
    log = fleet.log()[since.log :]
    return {
        name: PipelineRun(
            name=name,
            evidence=replace(
                gather(
                    testbed,
                    fleet,
                    meetings[name],
                    _completed(fleet, meetings[name], workflow),
                    time.time(),
                ),
                requests=requests,
                fleet_log=log,
                began=since.at,
                beside=frozenset(
                    other.transcript_id for key, other in meetings.items() if key != name
                ),
            ),
            recordings=_recordings(fleet, workflow_ids[name]),
            seconds=(workflow["endTime"] - workflow["startTime"]) / 1000,
        )
        for name, workflow in workflows.items()
    }


def _wait_for_final_status(fleet: Fleet, meetings: Iterable[Scenario]) -> None:
    """Give a fleet that learns of a failure from the server time to store it."""

    def all_final() -> bool:
        rows = [fleet.transcript(meeting.transcript_id) for meeting in meetings]
        return all(row.get("status") in FINAL for row in rows)

    with suppress(DeadlineError):  # the clauses judge the rows as they are then
        wait_until(all_final, what="the transcripts' final status", timeout=STATUS_SECONDS)


def _completed(fleet: Fleet, meeting: Scenario, workflow: Workflow) -> Mapping[str, Any]:
    """Return a run whose output is completed as the profile says."""
    sources = fleet.profile.workflow.output_from
    if not sources:
        return workflow
    row = fleet.transcript(meeting.transcript_id) if fleet.exposes_rows else {}
    return completed_output(workflow, row, sources)


def _recordings(fleet: Fleet, workflow_id: str) -> tuple[Mapping[str, Any], ...] | None:
    query = fleet.profile.recording_sql
    if not query:
        return None
    return tuple(database.rows(fleet.database_url, query, workflow_id=workflow_id))

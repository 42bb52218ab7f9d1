"""Send whole meetings through the registered pipeline, side by side, and keep what comes of each.

Side by side, since a fleet serves many meetings at once: what it mixes up is seen.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence, gather
from trackproof.runs.limits import LOOK_SECONDS, STATUS_SECONDS, WHOLE_SECONDS
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import Attempt, TaskRun
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.harness import Harness
from trackproof.testbed import database
from trackproof.testbed.conductor.rest import ENDED, ConductorRefusalError
from trackproof.wait import wait_until

FINAL = frozenset({"ended", "error"})
"""What a transcript's status is at the end."""


@dataclass(frozen=True)
class PipelineRun:
    """One meeting that went through the whole pipeline, as it was seen from outside."""

    name: str
    evidence: Evidence
    recordings: tuple[Mapping[str, Any], ...] | None
    """What is found by the run's id; None where the profile does not say how to look."""
    seconds: float
    _judged: dict[str, Check] = field(default_factory=dict, repr=False)

    @property
    def workflow(self) -> Mapping[str, Any]:
        """The run as Conductor has it."""
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

    def expect(self, *checks: str) -> None:
        """Raise a ClauseViolation unless these checks hold (see `trackproof.checks`)."""
        if not self._judged:
            self._judged.update((check.id, check) for check in judge(self.evidence))
        for check in (self._judged[name] for name in checks):
            if not check.passed:
                raise ClauseViolation(f"{check.id} holds", check.detail, self.name)

    def as_run(self) -> TaskRun:
        """Return it as what a harness keeps of a task: the evidence in a report."""
        workflow = self.workflow
        whole = Attempt(
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
            attempts=(whole,),
            events=tuple(self.evidence.events),
            requests=tuple(self.evidence.requests),
            transcript=self.evidence.transcript,
            written=frozenset(),
            deleted=frozenset(),
            log=self.evidence.fleet_log,
            seconds=self.seconds,
        )


def run_meetings(harness: Harness, meetings: Mapping[str, Scenario]) -> dict[str, PipelineRun]:
    """Start a run for each meeting that was ordered, and follow all to their ends.

    Args:
        harness: Where they run.
        meetings: What was ordered of the harness, by a name for each.

    Raises:
        ClauseViolation: The registered workflow cannot be started.
        DeadlineError: A run did not end in time.
        FleetError: The fleet died meanwhile.
    """
    began, logged = time.monotonic(), len(harness.fleet.log())
    asked = len(harness.testbed.stand_ins.ledger.requests())
    ids = {name: _start(harness, meeting) for name, meeting in meetings.items()}
    workflows = {name: _ended(harness, began, run_id) for name, run_id in ids.items()}
    _wait_for_status(harness, meetings.values())
    requests = harness.testbed.stand_ins.ledger.requests()[asked:]
    log = harness.fleet.log()[logged:]
    runs = {}
    for name, workflow in workflows.items():
        evidence = gather(harness.testbed, harness.fleet, meetings[name], workflow, time.time())
        evidence = replace(evidence, requests=requests, fleet_log=log)
        seconds = (workflow["endTime"] - workflow["startTime"]) / 1000
        runs[name] = PipelineRun(name, evidence, _recordings(harness, ids[name]), seconds)
    return runs


def _start(harness: Harness, meeting: Scenario) -> str:
    workflow = load_contracts().workflow
    name, version = workflow["name"], workflow["version"]
    try:
        return harness.testbed.rest.start_workflow(name, version, meeting.workflow_input())
    except ConductorRefusalError as error:
        raise ClauseViolation(
            f"{name} {version} starts", f"{error.what}: {error.evidence}"
        ) from error


def _ended(harness: Harness, began: float, workflow_id: str) -> dict[str, Any]:
    rest = harness.testbed.rest
    while (workflow := rest.workflow(workflow_id))["status"] not in ENDED:
        harness.fleet.check_alive()
        if time.monotonic() > began + WHOLE_SECONDS:
            rest.terminate(workflow_id, "it did not end in time")
            raise DeadlineError(
                f"the pipeline's run {workflow_id} did not end within {WHOLE_SECONDS:g} s",
                evidence="\n".join(
                    f"{task['referenceTaskName']}: {task['status']}" for task in workflow["tasks"]
                ),
                hint="see the fleet's log; a task may wait for a worker that polls no more",
            )
        time.sleep(LOOK_SECONDS)
    return workflow


def _wait_for_status(harness: Harness, meetings: Iterable[Scenario]) -> None:
    """Give a fleet that learns of a failure from the server the time to write it down."""

    def all_told() -> bool:
        rows = [harness.task_runner.transcript(meeting.transcript_id) for meeting in meetings]
        return all(row.get("status") in FINAL for row in rows)

    with suppress(DeadlineError):  # for the clauses to judge
        wait_until(all_told, what="the transcripts' last status", timeout=STATUS_SECONDS)


def _recordings(harness: Harness, workflow_id: str) -> tuple[Mapping[str, Any], ...] | None:
    query = harness.fleet.profile.recording_sql
    if not query:
        return None
    return tuple(database.rows(harness.testbed.database_url, query, workflow_id=workflow_id))

"""Drive one task alone through a one-task workflow on the real server, and see all it does.

A task is retried without delay here, so that three retries take a moment and not minutes; its
time-outs and its number of retries are the ones that the fleet has registered.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.fleet import Fleet
from trackproof.fleet.events import Event
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.follow import follow
from trackproof.runs.limits import POLL_SECONDS, TASK_SECONDS
from trackproof.runs.unavailable import UnavailableEvents, UnavailableRow
from trackproof.testbed.stand_ins.ledger import Request

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a task, as the server tells it."""

    status: str
    reason: str
    """Why it did not complete, in the fleet's words; empty otherwise."""
    worker: str
    retry: int
    """0 for the first try."""
    started_at: float
    """Epoch seconds; 0 where no worker took it."""
    ended_at: float
    """Epoch seconds; 0 where it has not ended."""
    output: Payload


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Something in S3 by the name it has there."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task that was driven to its end, and everything seen meanwhile."""

    task: str
    sent: Payload
    workflow_id: str
    workflow_status: str
    attempts: tuple[Attempt, ...]
    events: Sequence[Event]
    """What the fleet emitted meanwhile, as (name, data), oldest first; not to be looked at where
    the fleet does not show it."""
    requests: tuple[Request, ...]
    """What outside services and S3 were asked meanwhile, service by service."""
    transcript: Mapping[str, Any]
    """The transcript's row afterwards; empty where there is none, and not to be looked at where
    the fleet does not show it."""
    written: frozenset[StoredObject]
    """Objects that are in S3 now and were not, or not with this content, before."""
    deleted: frozenset[StoredObject]
    """Objects that were in S3 before and are not now."""
    log: str = field(repr=False)
    """What the fleet logged meanwhile."""
    seconds: float

    @property
    def status(self) -> str:
        """The last attempt's status."""
        return self.attempts[-1].status if self.attempts else "NOT_SCHEDULED"

    @property
    def output(self) -> dict[str, Any]:
        """The last attempt's output."""
        return dict(self.attempts[-1].output) if self.attempts else {}

    @property
    def reason(self) -> str:
        """Why the last attempt did not complete; empty if it did."""
        return self.attempts[-1].reason if self.attempts else ""

    @property
    def statuses(self) -> list[str]:
        """Every attempt's status, oldest first."""
        return [attempt.status for attempt in self.attempts]

    def asked(self, service: str) -> list[Request]:
        """Return what one service was asked, oldest first."""
        return [request for request in self.requests if request.service == service]

    def emitted(self, name: str) -> list[Any]:
        """Return the data of every event of that name, oldest first."""
        return [data for event, data in self.events if event == name]


@dataclass(frozen=True, slots=True)
class _Moment:
    """What is countable before a run, so that what comes after can be told."""

    at: float
    events: int
    requests: int
    s3_requests: int
    objects: Mapping[StoredObject, str]
    log: int


class TaskRunner:
    """Drives tasks of one fleet on one testbed."""

    def __init__(self, testbed: Testbed, fleet: Fleet) -> None:
        """Drive `fleet`, which polls `testbed`'s server and has registered its definitions.

        The testbed speaks the contracts' terms: `Testbed.translated_for(fleet)`.
        """
        self._testbed = testbed
        self._fleet = fleet
        self.definitions: dict[str, Any] = {
            task["name"]: task for task in testbed.rest.task_definitions()
        }
        """The task definitions that the fleet has registered, by name."""

    def run_tasks(
        self,
        task: str,
        payloads: Sequence[Payload],
        *,
        transcript_id: str | None,
        retries: int | None = None,
    ) -> list[TaskRun]:
        """Run a task once for each payload, side by side, to the end of the last.

        What was seen meanwhile besides a run's own attempts is told with every run, for nobody
        can tell whose it is.

        Args:
            task: The task type.
            payloads: Its inputs, exactly as the worker is to get them.
            transcript_id: Whose row and events are looked at.
            retries: How often each is retried at most; as registered by default.

        Raises:
            DeadlineError: One did not end in time; the evidence says how it stood.
            FleetError: The fleet died meanwhile.
        """
        before = self._moment(transcript_id)
        definition = self._retried_at_once(task, retries)
        started = [
            self._testbed.rest.start_inline_workflow(
                one_task_workflow(task, definition, payload), payload
            )
            for payload in payloads
        ]
        ended = [
            follow(
                self._testbed.rest,
                workflow_id,
                what=task,
                seconds=TASK_SECONDS,
                interval=POLL_SECONDS,
                check_alive=self._fleet.check_alive,
                hint="the worker hangs, or its result never reached the server",
            )
            for workflow_id in started
        ]
        return self._seen(task, payloads, ended, before, transcript_id)

    def _retried_at_once(self, task: str, retries: int | None) -> dict[str, Any]:
        registered = self.definitions.get(task) or load_contracts().tasks[task].task_definition()
        definition = {**registered, "retryLogic": "FIXED", "retryDelaySeconds": 0}
        if retries is not None:
            definition["retryCount"] = retries
        return definition

    def _moment(self, transcript_id: str | None) -> _Moment:
        return _Moment(
            at=time.monotonic(),
            events=self._watched(transcript_id),
            requests=len(self._testbed.stand_ins.ledger.requests()),
            s3_requests=len(self._testbed.s3.ledger.requests()),
            objects=self._objects(),
            log=len(self._fleet.log()),
        )

    def _seen(
        self,
        task: str,
        payloads: Sequence[Payload],
        workflows: Sequence[Mapping[str, Any]],
        before: _Moment,
        transcript_id: str | None,
    ) -> list[TaskRun]:
        now = self._objects()
        events = self.events_of(transcript_id)[before.events :]
        requests = (
            *self._testbed.stand_ins.ledger.requests()[before.requests :],
            *self._testbed.s3.ledger.requests()[before.s3_requests :],
        )
        row = self.transcript(transcript_id)
        written = {one for one, version in now.items() if before.objects.get(one) != version}
        log = self._fleet.log()[before.log :]
        seconds = round(time.monotonic() - before.at, 3)
        return [
            TaskRun(
                task=task,
                sent=payload,
                workflow_id=workflow["workflowId"],
                workflow_status=workflow["status"],
                attempts=tuple(map(_attempt, workflow["tasks"])),
                events=events,
                requests=requests,
                transcript=row,
                written=frozenset(written),
                deleted=frozenset(before.objects.keys() - now.keys()),
                log=log,
                seconds=seconds,
            )
            for payload, workflow in zip(payloads, workflows, strict=True)
        ]

    def transcript(self, transcript_id: str | None) -> Mapping[str, Any]:
        """Return a transcript's row as it stands; empty where there is none."""
        if not self._fleet.exposes_rows:
            return UnavailableRow("transcript's row")
        return {} if transcript_id is None else self._fleet.transcript(transcript_id)

    def _watched(self, transcript_id: str | None) -> int:
        """Miss no event from now on; return how many there have been."""
        if transcript_id is None or not self._fleet.exposes_events:
            return 0
        self._fleet.watch(transcript_id)
        return len(self._fleet.events(transcript_id))

    def events_of(self, transcript_id: str | None) -> Sequence[Event]:
        """Return what the fleet has told of a transcript, as (name, data), oldest first."""
        if not self._fleet.exposes_events:
            return UnavailableEvents("events")
        return () if transcript_id is None else self._fleet.events(transcript_id)

    def _objects(self) -> dict[StoredObject, str]:
        return {
            StoredObject(bucket, key): version
            for bucket in (RECORDING_BUCKET, TRANSCRIPT_BUCKET)
            for key, version in self._testbed.s3.versions(bucket).items()
        }


def one_task_workflow(task: str, definition: Mapping[str, Any], payload: Payload) -> dict[str, Any]:
    """Return a workflow of this one task, whose input is the workflow's own.

    The task carries its definition, which every server version takes for this run alone.
    """
    return {
        "name": f"conformance_{task}",
        "version": 1,
        "schemaVersion": 2,
        "ownerEmail": definition.get("ownerEmail") or "trackproof@example.com",
        "timeoutPolicy": "TIME_OUT_WF",
        "timeoutSeconds": 3600,
        "tasks": [
            {
                "name": task,
                "taskReferenceName": task,
                "type": "SIMPLE",
                # By name and not by value: "${…}" in a value would be filled in by the server.
                "inputParameters": {name: f"${{workflow.input.{name}}}" for name in payload},
                "taskDefinition": dict(definition),
            }
        ],
    }


def _attempt(task: Mapping[str, Any]) -> Attempt:
    return Attempt(
        status=task["status"],
        reason=task.get("reasonForIncompletion") or "",
        worker=task.get("workerId") or "",
        retry=task.get("retryCount") or 0,
        started_at=(task.get("startTime") or 0) / 1000,
        ended_at=(task.get("endTime") or 0) / 1000,
        output=task.get("outputData") or {},
    )


def attempts_of(workflow: Mapping[str, Any], tasks: Sequence[str]) -> list[Attempt]:
    """Return every attempt at some tasks in a whole workflow, in the server's order."""
    return [_attempt(task) for task in workflow["tasks"] if task["taskDefName"] in tasks]

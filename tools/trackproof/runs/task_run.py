"""Runs of a single task, in a one-task workflow on the real server.

Retries have no delay here, so that three of them take moments instead of minutes; time-outs and
the number of retries are those the fleet registered.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError, TrackproofError
from trackproof.fleet import Fleet
from trackproof.fleet.events import Event
from trackproof.lab import RECORDING_BUCKET, TRANSCRIPT_BUCKET, Testbed
from trackproof.runs.follow import Workflow, follow
from trackproof.runs.limits import BUSY_SECONDS, POLL_SECONDS, task_limit
from trackproof.runs.stored_lists import ListReader
from trackproof.runs.unavailable import unavailable_events, unavailable_row
from trackproof.testbed.conductor.rest import ENDED
from trackproof.testbed.conductor.schema_enforcement import without_enforcement
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.wait import wait_until

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a task, from the server's record."""

    status: str
    reason: str
    """Why the attempt did not complete, as the fleet reported it; empty otherwise."""
    worker: str
    retry: int
    """0 for the first attempt."""
    started_at: float
    """Epoch seconds; 0 if no worker polled it."""
    ended_at: float
    """Epoch seconds; 0 if it has not ended."""
    output: Payload
    """With the list instead of a reference to it."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An S3 object, by bucket and key."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One task run to its end, and everything observed during it."""

    task: str
    sent: Payload
    workflow_id: str
    workflow_status: str
    attempts: tuple[Attempt, ...]
    events: Sequence[Event]
    """Events emitted during the run, as (name, data), oldest first; `UnavailableEvents` if the
    profile does not expose them."""
    requests: tuple[Request, ...]
    """Requests to outside services and S3 during the run, grouped by service."""
    transcript: Mapping[str, Any]
    """The transcript's row after the run; empty if there is none, `UnavailableRow` if the profile
    does not expose it."""
    written: frozenset[StoredObject]
    """S3 objects created or overwritten during the run."""
    deleted: frozenset[StoredObject]
    """S3 objects deleted during the run."""
    log: str = field(repr=False)
    """The fleet's log during the run."""
    seconds: float
    transcript_id: str | None = None
    """The transcript whose row and events these are."""
    transcript_before: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """That row before the run."""
    concurrent: int = 1
    """Runs that have this evidence in common, this one included."""

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
        """The last attempt's reason; empty if it completed."""
        return self.attempts[-1].reason if self.attempts else ""

    @property
    def statuses(self) -> list[str]:
        """Every attempt's status, oldest first."""
        return [attempt.status for attempt in self.attempts]

    @property
    def observes_its_transcript(self) -> bool:
        """Whether row and events are those of the transcript in the input."""
        return self.transcript_id is not None and self.sent.get("transcript_id") == (
            self.transcript_id
        )

    def requests_to(self, service: str) -> list[Request]:
        """Return the requests to one service, oldest first."""
        return [request for request in self.requests if request.service == service]

    def emitted(self, name: str) -> list[Any]:
        """Return the data of every event with that name, oldest first."""
        return [data for event, data in self.events if event == name]


@dataclass(frozen=True, slots=True)
class _Baseline:
    """Counts before a run, to separate its evidence from earlier runs."""

    started_at: float
    events: int
    requests: int
    s3_requests: int
    objects: Mapping[StoredObject, str]
    log: int
    transcript: Mapping[str, Any]


class BusyWorkerError(TrackproofError):
    """A worker is still busy with the input of an earlier test, so no new one can be judged."""


class TaskRunner:
    """Runs tasks of one fleet on one testbed."""

    def __init__(self, testbed: Testbed, fleet: Fleet) -> None:
        """Use a `fleet` that polls `testbed`'s server and has registered its definitions.

        The testbed must be in the contracts' terms: `Testbed.translated_for(fleet)`.
        """
        self._testbed = testbed
        self._fleet = fleet
        self.definitions: dict[str, Any] = {
            task["name"]: task for task in testbed.rest.task_definitions()
        }
        """Task definitions that the fleet registered, by name."""
        self._given_up: dict[str, float] = {}
        """When a run of a task type was given up, in epoch seconds, until it is polled again."""

    def run_tasks(
        self,
        task: str,
        payloads: Sequence[Payload],
        *,
        transcript_id: str | None,
        retries: int | None = None,
        response_timeout: int | None = None,
        on_poll: Callable[[Workflow], None] = lambda _workflow: None,
    ) -> list[TaskRun]:
        """Run a task once for each payload, concurrently.

        Events, requests, objects and log lines cannot be attributed to one of the concurrent
        runs, so every run gets all of them.

        Args:
            task: The task type.
            payloads: The inputs, exactly as the worker receives them.
            transcript_id: The transcript whose row and events are recorded.
            retries: Maximum number of retries; as registered by default.
            response_timeout: Seconds, instead of the registered responseTimeoutSeconds; the server
                then evaluates it at each poll.
            on_poll: Called with a run after each poll.

        Raises:
            DeadlineError: A run did not end in time; the evidence lists its tasks.
            FleetError: The fleet died.
        """
        self._wait_for_worker(task)
        before = self._baseline(transcript_id)
        definition = self._without_retry_delay(task, retries)
        limit = task_limit(self._fleet.profile.limits, task, definition)
        if response_timeout is not None:
            definition["responseTimeoutSeconds"] = response_timeout
            if timeout := definition.get("timeoutSeconds"):  # servers demand that it is longer
                definition["timeoutSeconds"] = max(timeout, response_timeout + 1)
            limit += response_timeout

        def look(workflow: Workflow) -> None:
            on_poll(workflow)
            if response_timeout is not None and workflow["status"] not in ENDED:
                self._testbed.rest.decide(workflow["workflowId"])

        workflow_ids = [
            self._testbed.rest.start_inline_workflow(
                one_task_workflow(task, definition, payload), payload
            )
            for payload in payloads
        ]
        with self._abandoned_on_error(task, workflow_ids):
            workflows = [
                follow(
                    self._testbed.rest,
                    workflow_id,
                    what=task,
                    seconds=limit,
                    interval=POLL_SECONDS,
                    check_alive=self._fleet.check_alive,
                    on_poll=look,
                    hint="the worker hangs, or its result never reached the server; a slow one "
                    "needs a longer time in [limits] of the profile",
                )
                for workflow_id in workflow_ids
            ]
        return self._task_runs(task, payloads, workflows, before, transcript_id)

    @contextmanager
    def _abandoned_on_error(self, task: str, workflow_ids: Sequence[str]) -> Iterator[None]:
        """Terminate all of these runs if one fails to end: no input may reach a later test."""
        try:
            yield
        except BaseException:
            self._given_up[task] = time.time()
            for workflow_id in workflow_ids:
                with suppress(TrackproofError):
                    self._testbed.rest.terminate(workflow_id, "its test was given up")
            raise

    def _wait_for_worker(self, task: str) -> None:
        """Wait until a task type that was given up is polled again.

        Raises:
            BusyWorkerError: No worker polls it.
        """
        if (since := self._given_up.get(task)) is None:
            return

        def is_polled() -> bool:
            self._fleet.check_alive()
            return task in self._fleet.polled(self._testbed.rest, since=since)

        try:
            wait_until(is_polled, what=f"a poll for {task}", timeout=BUSY_SECONDS)
        except DeadlineError as error:
            raise BusyWorkerError(
                f"not judged: the worker of {task} is still busy with an earlier input",
                hint="see the clause whose run did not end; it runs again on a fresh fleet",
            ) from error
        del self._given_up[task]

    def _without_retry_delay(self, task: str, retries: int | None) -> dict[str, Any]:
        registered = self.definitions.get(task) or load_contracts().tasks[task].task_definition()
        definition = {**registered, "retryLogic": "FIXED", "retryDelaySeconds": 0}
        if retries is not None:
            definition["retryCount"] = retries
        return definition

    def _baseline(self, transcript_id: str | None) -> _Baseline:
        return _Baseline(
            started_at=time.monotonic(),
            events=self._start_recording(transcript_id),
            requests=len(self._testbed.stand_ins.ledger.requests()),
            s3_requests=len(self._testbed.s3.ledger.requests()),
            objects=self._objects(),
            log=len(self._fleet.log()),
            transcript=self.transcript(transcript_id),
        )

    def _task_runs(
        self,
        task: str,
        payloads: Sequence[Payload],
        workflows: Sequence[Mapping[str, Any]],
        before: _Baseline,
        transcript_id: str | None,
    ) -> list[TaskRun]:
        objects = self._objects()
        events = self.events(transcript_id)[before.events :]
        requests = (
            *self._testbed.stand_ins.ledger.requests()[before.requests :],
            *self._testbed.s3.ledger.requests()[before.s3_requests :],
        )
        row = self.transcript(transcript_id)
        written = {one for one, version in objects.items() if before.objects.get(one) != version}
        log = self._fleet.log()[before.log :]
        seconds = round(time.monotonic() - before.started_at, 3)
        return [
            TaskRun(
                task=task,
                sent=payload,
                workflow_id=workflow["workflowId"],
                workflow_status=workflow["status"],
                attempts=tuple(self._with_list(task, _attempt(one)) for one in workflow["tasks"]),
                events=events,
                requests=requests,
                transcript=row,
                written=frozenset(written),
                deleted=frozenset(before.objects.keys() - objects.keys()),
                log=log,
                seconds=seconds,
                transcript_id=transcript_id,
                transcript_before=before.transcript,
                concurrent=len(payloads),
            )
            for payload, workflow in zip(payloads, workflows, strict=True)
        ]

    def _with_list(self, task: str, attempt: Attempt) -> Attempt:
        output = ListReader(self._testbed.s3, self._fleet.translator).output_of(
            task, attempt.output
        )
        return replace(attempt, output=output)

    def transcript(self, transcript_id: str | None) -> Mapping[str, Any]:
        """Return a transcript's current row; empty if there is none."""
        if not self._fleet.exposes_rows:
            return unavailable_row()
        return {} if transcript_id is None else self._fleet.transcript(transcript_id)

    def _start_recording(self, transcript_id: str | None) -> int:
        """Start recording a transcript's events; return the number of earlier ones."""
        if transcript_id is None or not self._fleet.exposes_events:
            return 0
        self._fleet.watch(transcript_id)
        return len(self._fleet.events(transcript_id))

    def events(self, transcript_id: str | None) -> Sequence[Event]:
        """Return a transcript's events so far, as (name, data), oldest first."""
        if not self._fleet.exposes_events:
            return unavailable_events()
        return () if transcript_id is None else self._fleet.events(transcript_id)

    def _objects(self) -> dict[StoredObject, str]:
        return {
            StoredObject(bucket, key): version
            for bucket in (RECORDING_BUCKET, TRANSCRIPT_BUCKET)
            for key, version in self._testbed.s3.versions(bucket).items()
        }


def one_task_workflow(task: str, definition: Mapping[str, Any], payload: Payload) -> dict[str, Any]:
    """Return a workflow that passes its input on to a single task.

    The task carries its definition, which every server version then uses for this run only.
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
                # References instead of values: the server would expand "${…}" in a value.
                "inputParameters": {name: f"${{workflow.input.{name}}}" for name in payload},
                "taskDefinition": without_enforcement(definition),
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


def task_attempts(workflow: Mapping[str, Any], tasks: Sequence[str]) -> list[Attempt]:
    """Return every attempt at some task types in a workflow, in the server's order."""
    return [_attempt(task) for task in workflow["tasks"] if task["taskDefName"] in tasks]

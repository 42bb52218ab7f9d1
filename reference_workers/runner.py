"""Where Conductor meets the workers: the only module that knows the SDK's classes.

One thread polls for each task type, inside one process: a fleet of fifteen processes costs
fifteen starts, and the heavy work (audio, network) holds no interpreter lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.api.task_resource_api import TaskResourceApi
from conductor.client.http.models.task import Task
from conductor.client.http.models.task_result import TaskResult
from conductor.client.http.rest import ApiException
from conductor.client.worker.worker_interface import WorkerInterface

from reference_workers import tls
from reference_workers.context import Clients, Context
from reference_workers.executor import execute_task
from reference_workers.settings import Settings
from reference_workers.workers import WORKERS

FORKED_TASK_TYPES = frozenset({"pad_track", "transcribe_track"})
"""Task types of which several run at a time."""

POLL_INTERVAL_MS = 100
"""Between two polls for a task type at most; shortly after a task they are closer."""

IDLE_AFTER_SECONDS = 10.0
"""So long after the last task there are fewer polls: each costs fleet and server a millisecond."""

IDLE_TYPE_POLL_SECONDS = 0.25
"""Between two polls for a type that has had no task for a while, in a fleet that has had some."""

IDLE_FLEET_POLL_SECONDS = 0.5
"""Between two polls for a type in a fleet that has had none: a meeting's first task waits."""


class PollPace:
    """When there was last work, for a whole fleet."""

    def __init__(self) -> None:
        """Begin as if each type had just had a task."""
        self._fleet_at = self._began_at = time.monotonic()
        self._type_at: dict[str, float] = {}

    def record_work(self, task_type: str) -> None:
        """Note work of a type."""
        self._fleet_at = self._type_at[task_type] = time.monotonic()

    def interval_seconds(self, task_type: str) -> float:
        """Return the time there is to be at least between two polls."""
        idle_since = time.monotonic() - IDLE_AFTER_SECONDS
        if self._type_at.get(task_type, self._began_at) >= idle_since:
            return 0.0
        return IDLE_TYPE_POLL_SECONDS if self._fleet_at >= idle_since else IDLE_FLEET_POLL_SECONDS


class ContractWorker(WorkerInterface):  # type: ignore[misc]  # the SDK is untyped
    """Hands a task of Conductor's to its worker, and the outcome back."""

    def __init__(self, task_type: str, clients: Clients, pace: PollPace) -> None:
        """Serve one task type, at the pace of the whole fleet."""
        super().__init__(task_type)
        self.worker_id = f"{self.get_identity()}/{task_type}"
        self.poll_interval = POLL_INTERVAL_MS
        self.thread_count = clients.settings.branch_threads if task_type in FORKED_TASK_TYPES else 1
        self.paused = False
        self._clients = clients
        self._pace = pace

    def get_polling_interval_in_seconds(self) -> float:
        """Return the time between two polls at most."""
        interval: float = super().get_polling_interval_in_seconds()
        return max(interval, self._pace.interval_seconds(self.task_definition_name))

    def execute(self, task: Task) -> TaskResult:
        """Carry out one task."""
        self._pace.record_work(self.task_definition_name)
        context = Context(
            clients=self._clients,
            workflow_id=task.workflow_instance_id or "",
            task_id=task.task_id or "",
            reference=task.reference_task_name or "",
            attempt=task.retry_count or 0,
        )
        outcome = execute_task(context, self.task_definition_name, task.input_data or {})
        result = self.get_task_result_from_task(task)
        result.status = outcome.status
        result.output_data = outcome.output
        result.reason_for_incompletion = outcome.reason
        self._pace.record_work(self.task_definition_name)
        return result


class CompatibleTaskResourceApi(TaskResourceApi):  # type: ignore[misc]  # the SDK is untyped
    """Lets conductor-python 2.x begin tasks at once and finish them on Conductor 3.15.0.

    The SDK has the server wait for a task for 100 ms; 3.15.0 then looks at its queue again only
    after 200 ms, and every task begins as late.

    The SDK posts to `/tasks/update-v2` and falls back to v1 on 404 or 405 only. 3.15.0 answers
    500 "Request method 'POST' not supported", which means the same. And of two results that are
    told so at the same time, the SDK falls back for the first alone: the second waits 10 s.
    """

    _has_v2 = True

    def batch_poll(self, tasktype: str, **kwargs: Any) -> list[Task] | None:
        """Poll for tasks; wait for the next poll here, not on the server."""
        tasks: list[Task] | None = super().batch_poll(tasktype, **{**kwargs, "timeout": 0})
        return tasks

    def update_task_v2(self, body: TaskResult, **kwargs: Any) -> Task | None:
        """Update a task and return the next one, by v1 and without a next one where v2 is not."""
        if self._has_v2:
            try:
                return super().update_task_v2(body, **kwargs)
            except ApiException as error:
                if not _is_method_not_allowed(error):
                    raise
                self._has_v2 = False
        self.update_task(body)
        return None


def _is_method_not_allowed(error: ApiException) -> bool:
    return error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} or (
        error.status == HTTPStatus.INTERNAL_SERVER_ERROR
        and "Request method 'POST' not supported" in str(error.body)
    )


class FleetRunner:
    """All workers of this process, polling."""

    def __init__(self, clients: Clients, task_types: Sequence[str] = tuple(WORKERS)) -> None:
        """Prepare one poller a task type; `start` sets them going."""
        pace = PollPace()
        self._connections = [_connection() for _ in task_types]
        self._runners = [
            _runner(ContractWorker(task_type, clients, pace), clients.settings, connection)
            for task_type, connection in zip(task_types, self._connections, strict=True)
        ]
        self._threads = [
            threading.Thread(target=runner.run, name=f"poll-{task_type}")
            for task_type, runner in zip(task_types, self._runners, strict=True)
        ]

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop polling, finish what was begun, and return when all threads are done."""
        for runner in self._runners:
            runner.stop()
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()


def _connection() -> httpx.Client:
    """Return what the SDK would make for itself, past any proxy, but for HTTP/2 and the context."""
    transport = httpx.HTTPTransport(verify=tls.context(), retries=3)
    timeout = httpx.Timeout(120.0, connect=10.0)
    return httpx.Client(transport=transport, timeout=timeout, follow_redirects=True)


def _runner(worker: ContractWorker, settings: Settings, connection: httpx.Client) -> TaskRunner:
    configuration = Configuration(
        server_api_url=settings.conductor_server_url, debug=settings.conductor_debug
    )
    configuration.http_connection = connection
    runner = TaskRunner(worker, configuration)
    runner.task_client = CompatibleTaskResourceApi(runner.task_client.api_client)
    return runner

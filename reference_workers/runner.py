"""Poll Conductor and run the workers; the only module that uses the SDK's worker classes.

One process polls with one thread for each task type: fifteen processes would cost fifteen
starts, and the heavy work (audio, network) releases the GIL.
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

IDLE_AFTER_SECONDS = 10.0
"""Idle time before polling slows down: each poll costs fleet and server a millisecond."""

IDLE_TYPE_POLL_SECONDS = 0.25
"""Pause between polls for an idle task type while other types of the fleet are busy."""

IDLE_FLEET_POLL_SECONDS = 0.5
"""Pause between polls when the whole fleet is idle; delays a meeting's first task."""


RESEND_AFTER_SECONDS = (0.2, 1.0)
"""Pauses before a result that the server did not acknowledge is sent again."""


class PollPace:
    """Polling intervals by recent activity, shared by all pollers of a fleet."""

    def __init__(self) -> None:
        """Start as if every task type had just run a task."""
        self._fleet_at = self._started_at = time.monotonic()
        self._type_at: dict[str, float] = {}

    def record_work(self, task_type: str) -> None:
        """Record that a task of this type ran now."""
        self._fleet_at = self._type_at[task_type] = time.monotonic()

    def interval_seconds(self, task_type: str) -> float:
        """Return the minimum pause between two polls for a task type."""
        idle_since = time.monotonic() - IDLE_AFTER_SECONDS
        if self._type_at.get(task_type, self._started_at) >= idle_since:
            return 0.0
        return IDLE_TYPE_POLL_SECONDS if self._fleet_at >= idle_since else IDLE_FLEET_POLL_SECONDS


class ContractWorker(WorkerInterface):  # type: ignore[misc]  # the SDK is untyped
    """Adapter from the SDK's worker interface to `execute_task`."""

    def __init__(self, task_type: str, clients: Clients, pace: PollPace) -> None:
        """Serve one task type; `pace` is shared by the fleet."""
        super().__init__(task_type)
        self.worker_id = f"{self.get_identity()}/{task_type}"
        self.poll_interval = clients.settings.poll_interval_ms
        self.thread_count = clients.settings.threads_per_type
        self.paused = False
        self.lease_extend_enabled = True  # work may take longer than the response time-out
        self._clients = clients
        self._pace = pace

    def get_polling_interval_in_seconds(self) -> float:
        """Return the SDK's interval, lengthened while the task type is idle."""
        interval: float = super().get_polling_interval_in_seconds()
        return max(interval, self._pace.interval_seconds(self.task_definition_name))

    def execute(self, task: Task) -> TaskResult:
        """Execute one task and return its result."""
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
    """Makes conductor-python 2.x work with Conductor 3.15.0.

    Polling: the SDK long-polls for 100 ms; 3.15.0 then checks its queue again only after 200 ms,
    which delays every task. Polling without a server-side wait avoids that.

    Updating: the SDK posts to `/tasks/update-v2` and falls back to v1 on 404 or 405 only. 3.15.0
    answers 500 "Request method 'POST' not supported" instead. When two concurrent updates fail
    that way, the SDK falls back for the first one only and retries the second after 10 s. The same
    pause would follow each lost connection and each 5xx, so results are sent again here first.
    """

    is_stopping = False
    """Whether updates no longer ask for the next task: the SDK would drop it."""

    _has_v2 = True

    def batch_poll(self, tasktype: str, **kwargs: Any) -> list[Task] | None:
        """Poll without a server-side wait."""
        tasks: list[Task] | None = super().batch_poll(tasktype, **{**kwargs, "timeout": 0})
        return tasks

    def update_task_v2(self, body: TaskResult, **kwargs: Any) -> Task | None:
        """Update a task and return the next one; without v2 use v1, which returns none."""
        for pause in RESEND_AFTER_SECONDS:
            try:
                return self._update_once(body, **kwargs)
            except ApiException as error:
                if not _is_transient(error):
                    raise
            time.sleep(pause)
        return self._update_once(body, **kwargs)

    def _update_once(self, body: TaskResult, **kwargs: Any) -> Task | None:
        if self._has_v2 and not self.is_stopping:
            try:
                return super().update_task_v2(body, **kwargs)
            except ApiException as error:
                if not _is_method_not_allowed(error):
                    raise
                self._has_v2 = False
        self.update_task(body)
        return None


def _is_transient(error: ApiException) -> bool:
    """Return whether the same update may succeed later; the SDK's status 0 is a lost connection."""
    return not error.status or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _is_method_not_allowed(error: ApiException) -> bool:
    return error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} or (
        error.status == HTTPStatus.INTERNAL_SERVER_ERROR
        and "Request method 'POST' not supported" in str(error.body)
    )


class FleetRunner:
    """The pollers of all task types in this process."""

    def __init__(self, clients: Clients, task_types: Sequence[str] = tuple(WORKERS)) -> None:
        """Create one poller for each task type; `start` starts them."""
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

    @property
    def is_stopping(self) -> bool:
        """Whether no further task is taken."""
        return all(runner.task_client.is_stopping for runner in self._runners)

    def start(self) -> None:
        """Start polling."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop polling, finish running tasks and join all threads."""
        for runner in self._runners:
            runner.task_client.is_stopping = True
            runner.stop()
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()


def _connection() -> httpx.Client:
    """Return a client like the SDK's own (no proxy), with HTTP/1.1 and the shared TLS context."""
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
    runner.task_client.api_client.rest_client._reset_connection = _keep_connection
    return runner


def _keep_connection(expected: object = None) -> bool:
    """Keep the HTTP client after a lost connection; return that it was not replaced.

    The SDK would close the client that the task type's threads share. A thread that waits for an
    answer is not woken by that, and polls again only after the time limit of two minutes. httpx
    drops a lost connection by itself.
    """
    return False

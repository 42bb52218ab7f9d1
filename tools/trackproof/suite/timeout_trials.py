"""See a task's time-outs and retries happen on the real server, within seconds.

The suite itself takes the task, in a domain nobody else polls, and does not answer. Time-outs are
the fleet's registered ones times a scale; a server counts in whole seconds, so one is the least.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from trackproof.errors import DeadlineError
from trackproof.runs.limits import LOOK_SECONDS, TIMEOUT_SECONDS
from trackproof.runs.task_run import Attempt, attempts_of, one_task_workflow
from trackproof.testbed.conductor.rest import ENDED, ConductorRest

DOMAIN = "trackproof-unanswered"
WORKER = "trackproof"


@dataclass(frozen=True, slots=True)
class Trial:
    """What the server did with a worker that does not answer."""

    response_timeout_seconds: int
    """As scaled."""
    workflow_status: str
    attempts: tuple[Attempt, ...]


class Trials:
    """The trials of many tasks, side by side, in the background."""

    def __init__(
        self, rest: ConductorRest, definitions: Mapping[str, Mapping[str, Any]], scale: float
    ) -> None:
        """Prepare; nothing runs yet."""
        self._rest = rest
        self._definitions = definitions
        self._scale = scale
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="trial")
        self._running: dict[str, Future[Trial]] = {}

    def begin(self, tasks: Iterable[str]) -> None:
        """Begin the trials of these tasks, as far as they are defined."""
        for task in tasks:
            if task in self._definitions and task not in self._running:
                self._running[task] = self._pool.submit(
                    unanswered, self._rest, self._definitions[task], self._scale
                )

    def of(self, task: str) -> Trial:
        """Return a task's trial, when it has ended.

        Raises:
            DeadlineError: The server did not see a time-out in time.
            KeyError: The task is not defined.
        """
        self.begin([task])
        return self._running[task].result()

    def close(self) -> None:
        """Wait for what still runs."""
        self._pool.shutdown(cancel_futures=True)


def scaled(definition: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Return a definition with its time-outs scaled and its retries undelayed."""
    response = max(1, round(definition.get("responseTimeoutSeconds", 0) * scale))
    return {
        **definition,
        "responseTimeoutSeconds": response,
        "timeoutSeconds": max(response + 1, round(definition.get("timeoutSeconds", 0) * scale)),
        "retryLogic": "FIXED",
        "retryDelaySeconds": 0,
    }


def unanswered(rest: ConductorRest, definition: Mapping[str, Any], scale: float) -> Trial:
    """Leave the first and the last attempt at a task unanswered and fail those between.

    Raises:
        DeadlineError: The server did not see a time-out in time.
    """
    task, last = definition["name"], definition.get("retryCount", 0)
    compressed = scaled(definition, scale)
    workflow_id = rest.start_inline_workflow(
        one_task_workflow(task, compressed, {}), {}, task_to_domain={task: DOMAIN}
    )
    limit = TIMEOUT_SECONDS + 2 * compressed["responseTimeoutSeconds"]
    deadline = time.monotonic() + limit
    taken = 0
    while (workflow := rest.workflow(workflow_id))["status"] not in ENDED:
        if time.monotonic() > deadline:
            rest.terminate(workflow_id, "no time-out was seen in time")
            raise DeadlineError(
                f"the time-out of {task} was not seen within {limit:g} s",
                evidence=", ".join(attempt["status"] for attempt in workflow["tasks"]),
                hint="see whether the server is overloaded",
            )
        polled = rest.poll(task, worker=WORKER, domain=DOMAIN)
        if polled is None:
            rest.decide(workflow_id)
            time.sleep(LOOK_SECONDS)
            continue
        if taken not in (0, last):
            rest.update_task(polled["workflowInstanceId"], polled["taskId"], "FAILED", "no answer")
        taken += 1
    return Trial(
        compressed["responseTimeoutSeconds"],
        workflow["status"],
        tuple(attempts_of(workflow, [task])),
    )

"""Time-outs and retries of a task on the real server, within seconds.

The suite takes the task itself, in a domain nobody else polls, and does not answer. Time-outs are
the registered ones times a scale, at least 1 s because servers count whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from trackproof.runs.follow import Workflow, follow
from trackproof.runs.limits import POLL_SECONDS, TIMEOUT_SECONDS
from trackproof.runs.task_run import Attempt, one_task_workflow, task_attempts
from trackproof.testbed.conductor.rest import ENDED, ConductorRest

ATTEMPT_SECONDS = 2.0
"""Bound of one answered attempt on a machine with ten times its load."""

DOMAIN = "trackproof-unanswered"
WORKER = "trackproof"


@dataclass(frozen=True, slots=True)
class TimeoutTrial:
    """The server's reaction to a worker that does not answer."""

    response_timeout_seconds: int
    """As scaled."""
    workflow_status: str
    attempts: tuple[Attempt, ...]


class TimeoutTrials:
    """The trials of many tasks, side by side, in the background."""

    def __init__(
        self, rest: ConductorRest, definitions: Mapping[str, Mapping[str, Any]], scale: float
    ) -> None:
        """Start nothing yet."""
        self._rest = rest
        self._definitions = definitions
        self._scale = scale
        self._pool = ThreadPoolExecutor(16, thread_name_prefix="trial")
        self._running: dict[str, Future[TimeoutTrial]] = {}

    def begin(self, tasks: Iterable[str]) -> None:
        """Begin the trials of these tasks; undefined ones are left out."""
        for task in tasks:
            if task in self._definitions and task not in self._running:
                self._running[task] = self._pool.submit(
                    run_trial, self._rest, self._definitions[task], self._scale
                )

    def of(self, task: str) -> TimeoutTrial:
        """Wait for a task's trial and return it.

        Raises:
            DeadlineError: The server did not react to a time-out in time.
            KeyError: The task is not defined.
        """
        self.begin([task])
        return self._running[task].result()

    def close(self) -> None:
        """Cancel trials that have not begun; wait for the others."""
        self._pool.shutdown(cancel_futures=True)


def scaled(definition: Mapping[str, Any], scale: float) -> dict[str, Any]:
    """Return a definition with scaled time-outs and no delay between retries."""
    response = max(1, round(definition.get("responseTimeoutSeconds", 0) * scale))
    return {
        **definition,
        "responseTimeoutSeconds": response,
        "timeoutSeconds": max(response + 1, round(definition.get("timeoutSeconds", 0) * scale)),
        "retryLogic": "FIXED",
        "retryDelaySeconds": 0,
    }


def run_trial(rest: ConductorRest, definition: Mapping[str, Any], scale: float) -> TimeoutTrial:
    """Let the first and the last attempt time out; fail those between.

    Raises:
        DeadlineError: The server did not react to a time-out in time.
    """
    task, last = definition["name"], definition.get("retryCount", 0)
    compressed = scaled(definition, scale)
    workflow_id = rest.start_inline_workflow(
        one_task_workflow(task, compressed, {}), {}, task_to_domain={task: DOMAIN}
    )
    taken = 0

    def take(workflow: Workflow) -> bool:
        """Take the task as a worker does; answer only the attempts between first and last."""
        nonlocal taken
        if workflow["status"] in ENDED:
            return False
        polled = rest.poll(task, worker=WORKER, domain=DOMAIN)
        if polled is None:
            rest.decide(workflow_id)
            return False
        if taken not in (0, last):
            rest.update_task(polled["workflowInstanceId"], polled["taskId"], "FAILED", "no answer")
        taken += 1
        return True

    workflow = follow(
        rest,
        workflow_id,
        what=f"the time-out of {task}",
        seconds=TIMEOUT_SECONDS
        + 2 * compressed["responseTimeoutSeconds"]
        + ATTEMPT_SECONDS * (last + 1),
        interval=POLL_SECONDS,
        on_poll=take,
        hint="see whether the server is overloaded",
    )
    return TimeoutTrial(
        compressed["responseTimeoutSeconds"],
        workflow["status"],
        tuple(task_attempts(workflow, [task])),
    )

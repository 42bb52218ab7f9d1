"""What a fleet does after SIGTERM, and a fresh start of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError, TrackproofError
from trackproof.runs.limits import task_limit
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import one_task_workflow
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.clauses.outside_calls import SERVICES, fresh_meeting, input_of
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.traffic import TakenTask
from trackproof.wait import wait_until

TASKS = tuple(SERVICES)
"""Tasks of which one is at work at SIGTERM: a slow service can make each last."""
RUNNING = 3
"""Tasks that are queued before SIGTERM."""
WORK_SECONDS = 3.0
"""Length of each of them."""
GRACE_SECONDS = 1.0
"""From SIGTERM to the last poll that may take a task."""
ORPHAN_SECONDS = 3.0
"""How long the server is watched for polls after the exit."""
IN_FLIGHT_SECONDS = 0.2
"""Age of a poll that may arrive after the exit of its process."""


@dataclass(frozen=True, slots=True)
class Shutdown:
    """What a fleet did after SIGTERM."""

    limit_seconds: float
    """Time limit of the running task, within which the fleet must exit."""
    seconds: float | None
    """From SIGTERM to the exit; None if the fleet still ran at the limit."""
    running: int
    """Number of tasks that the fleet had taken and not ended at SIGTERM."""
    taken_late: tuple[TakenTask, ...]
    """Tasks taken by polls that were sent after the grace."""
    abandoned: tuple[TakenTask, ...]
    """Tasks, taken before or after SIGTERM, that were neither finished nor handed back."""
    orphan_polls: int
    """Polls that arrived after the exit."""


def shut_down(harness: Harness, task: str) -> Shutdown:
    """Send SIGTERM to a fleet that is at work, watch it until its exit, and start it again.

    Args:
        harness: The fleet.
        task: One of `TASKS`, which the fleet serves.

    Raises:
        NotVisible: The fleet cannot be ended, or its requests to Conductor cannot be seen.
        DeadlineError: It did not take the task, or does not poll after the restart.
        FleetError: It cannot be started again.
    """
    fleet = harness.fleet
    if not fleet.is_own:
        raise NotVisible("process", "its main process: `command` or `container`")
    traffic = harness.traffic
    limit = task_limit(fleet.profile.limits, task, _definition(harness, task))
    # More than one: a fleet that polls in batches holds some that it has not begun.
    running = [fresh_meeting(harness, task) for _ in range(RUNNING)]
    waiting = fresh_meeting(harness, task)
    service, ledger = SERVICES[task], harness.testbed.stand_ins.ledger
    runs: list[str] = []
    try:
        before, began_at = ledger.count(service), time.time()
        harness.break_service(service, delay=WORK_SECONDS)
        runs += [_start(harness, task, meeting) for meeting in running]
        wait_until(
            lambda: ledger.count(service) > before, what=f"the fleet's {task}", timeout=limit
        )
        asked_at, held = time.time(), len(traffic.without_result(began_at))
        fleet.request_end()
        _wait(lambda: fleet.ended_at() is not None, GRACE_SECONDS)
        runs.append(_start(harness, task, waiting))
        _wait(lambda: fleet.ended_at() is not None, asked_at + limit - time.time())
        ended_at = fleet.ended_at()
        if ended_at is not None:
            since = ended_at + IN_FLIGHT_SECONDS
            _wait(lambda: traffic.polls_since(since) > 0, ORPHAN_SECONDS)
        taken = traffic.taken_since(asked_at)
        return Shutdown(
            limit_seconds=limit,
            seconds=None if ended_at is None else ended_at - asked_at,
            running=held,
            taken_late=tuple(one for one in taken if one.polled_at > asked_at + GRACE_SECONDS),
            abandoned=tuple(traffic.without_result(began_at)),
            orphan_polls=0 if ended_at is None else traffic.polls_since(since),
        )
    finally:
        for workflow_id in runs:
            with suppress(TrackproofError):  # it has ended
                harness.testbed.rest.terminate(workflow_id, "its test has ended")
        harness.clear_faults()
        fleet.restart()
        fleet.wait_until_polling(harness.testbed.rest, [task])


def _start(harness: Harness, task: str, meeting: Scenario) -> str:
    payload = input_of(harness, task, meeting)
    definition = _definition(harness, task)
    return harness.testbed.rest.start_inline_workflow(
        one_task_workflow(task, definition, payload), payload
    )


def _definition(harness: Harness, task: str) -> Mapping[str, Any]:
    """Return the registered task definition, or the contract's if none is registered."""
    contract = load_contracts().tasks[task]
    return harness.task_runner.definitions.get(task) or contract.task_definition()


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until a condition holds, at most so many seconds."""
    with suppress(DeadlineError):
        wait_until(condition, what="the fleet's exit", timeout=max(0.0, seconds))

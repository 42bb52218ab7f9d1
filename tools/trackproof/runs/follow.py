"""The polling loop that follows a running workflow to its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from trackproof.errors import DeadlineError, TestbedError
from trackproof.testbed.conductor.rest import ENDED, ConductorRest

Workflow = dict[str, Any]

PATIENCE = 0.1
"""Pause between two polls as a share of the time since the run's last change."""
LONGEST_PAUSE = 0.5
"""Seconds between two polls of a run that does not change."""
READ_SHARE = 0.25
"""Most of the time that may go into reading the run: a large meeting's is megabytes."""


def follow(
    rest: ConductorRest,
    workflow_id: str,
    *,
    what: str,
    seconds: float,
    interval: float,
    since: float | None = None,
    stalled_only: bool = False,
    check_alive: Callable[[], None] = lambda: None,
    on_poll: Callable[[Workflow], bool | None] = lambda _workflow: None,
    outage_seconds: float = 0.0,
    hint: str = "",
) -> Workflow:
    """Poll a run until it has ended; return its final state.

    Args:
        rest: The server.
        workflow_id: The run.
        what: The run as a noun, for the error message.
        seconds: The time limit. A run that exceeds it is terminated.
        interval: Seconds between two polls after the run has changed; more while it does not.
        since: Start of the time limit, in seconds of `time.monotonic()`; now by default.
        stalled_only: Count the limit from the run's last change instead of its start.
        check_alive: Called after each poll; raises if the fleet is gone.
        on_poll: Called with the run after each poll, including the last one; a true result
            polls again at once.
        outage_seconds: How long the server may fail to answer, because a fault stops it.
        hint: What the user can do if the run does not end.

    Raises:
        DeadlineError: The run did not end within the limit; the evidence lists its tasks.
        TestbedError: The server does not answer.
    """
    changed = time.monotonic()
    start = changed if since is None else since
    last_state: object = None
    answered = changed
    while True:
        asked = time.monotonic()
        try:
            workflow = rest.workflow(workflow_id)
        except TestbedError:
            if time.monotonic() - answered > outage_seconds:
                raise
            time.sleep(LONGEST_PAUSE)
            continue
        now = answered = time.monotonic()
        poll_at_once = on_poll(workflow)
        if workflow["status"] in ENDED:
            return workflow
        check_alive()
        state = [(task["taskId"], task["status"]) for task in workflow["tasks"]]
        if state != last_state:
            last_state, changed = state, now
            start = now if stalled_only else start
        if now - start > seconds:
            rest.terminate(workflow_id, f"it did not end within {seconds:g} s")
            problem = "made no progress for" if stalled_only else "did not end within"
            raise DeadlineError(
                f"{what} {problem} {seconds:g} s",
                evidence="\n".join(
                    f"{task['referenceTaskName']}: {task['status']}" for task in workflow["tasks"]
                )
                or "no task was scheduled",
                hint=hint,
            )
        if not poll_at_once:
            patient = min(PATIENCE * (now - changed), LONGEST_PAUSE)
            time.sleep(max(interval, patient, (now - asked) * (1 / READ_SHARE - 1)))

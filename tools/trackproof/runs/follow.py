"""Follow a workflow to its end: the only loop that polls a running workflow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from trackproof.errors import DeadlineError
from trackproof.testbed.conductor.rest import ENDED, ConductorRest

Workflow = dict[str, Any]


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
    hint: str = "",
) -> Workflow:
    """Poll a run until it has ended and return it as the server then has it.

    Args:
        rest: The server.
        workflow_id: The run.
        what: The run as a noun, for the error.
        seconds: The limit. A run that exceeds it is terminated.
        interval: Seconds between two polls.
        since: When the limit starts to count, in seconds of `time.monotonic()`; now by default.
        stalled_only: The limit counts from the run's last change, not from its start.
        check_alive: Called after each poll; raises if the fleet is gone.
        on_poll: Takes the run at each poll, the last one included; a true result polls again at
            once.
        hint: What the user can do about a run that does not end.

    Raises:
        DeadlineError: The run did not end within the limit; the evidence lists its tasks.
    """
    start = time.monotonic() if since is None else since
    last_state: object = None
    while True:
        workflow = rest.workflow(workflow_id)
        again = on_poll(workflow)
        if workflow["status"] in ENDED:
            return workflow
        check_alive()
        state = [(task["taskId"], task["status"]) for task in workflow["tasks"]]
        if stalled_only and state != last_state:
            last_state, start = state, time.monotonic()
        if time.monotonic() - start > seconds:
            rest.terminate(workflow_id, f"it did not end within {seconds:g} s")
            happened = "made no progress for" if stalled_only else "did not end within"
            raise DeadlineError(
                f"{what} {happened} {seconds:g} s",
                evidence="\n".join(
                    f"{task['referenceTaskName']}: {task['status']}" for task in workflow["tasks"]
                )
                or "no task was scheduled",
                hint=hint,
            )
        if not again:
            time.sleep(interval)

"""Wait for a condition with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from trackproof.errors import DeadlineError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    *,
    what: str,
    timeout: float,
    interval: float = 0.05,
    evidence: Callable[[], str] = lambda: "",
    hint: str = "",
) -> T:
    """Call `condition` until it returns a truthy value, and return that value.

    Args:
        condition: Returns a truthy value once it holds. Its exceptions end the wait.
        what: Subject of the error message: "waited 5 s for …".
        timeout: Seconds until the deadline.
        interval: Seconds between two calls.
        evidence: Called at the deadline only; returns the last known state.
        hint: What the user can do after the deadline.

    Raises:
        DeadlineError: The condition did not hold in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise DeadlineError(
                f"waited {timeout:g} s for {what} without success", evidence=evidence(), hint=hint
            )
        time.sleep(interval)


def wait_for_interrupt(check: Callable[[], None] = lambda: None, *, interval: float = 0.5) -> None:
    """Wait for Ctrl-C, or for SIGTERM where the command line turns it into Ctrl-C.

    Args:
        check: Called at each interval; what it raises ends the wait.
        interval: Seconds between two checks.
    """
    with suppress(KeyboardInterrupt):
        while True:
            check()
            time.sleep(interval)

"""The one way to wait: a condition, a deadline and a sentence that says what for."""

from __future__ import annotations

import time
from collections.abc import Callable
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
    """Ask `condition` until it answers something truthy, and return that answer.

    Args:
        condition: Returns a truthy value once it holds. What it raises ends the wait.
        what: What is waited for, as it stands in "waited 5 s for …".
        timeout: Seconds until the wait is given up.
        interval: Seconds between two questions.
        evidence: Called only at the deadline: what was seen instead.
        hint: What the user can do when the deadline passes.

    Raises:
        DeadlineError: The condition did not hold in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise DeadlineError(
                f"waited {timeout:g} s for {what}, in vain", evidence=evidence(), hint=hint
            )
        time.sleep(interval)

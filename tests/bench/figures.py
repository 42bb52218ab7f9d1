"""What a benchmark finds, and the one way to take a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity."""

    what: str
    measured: float
    unit: str
    promised: float | None = None
    """At most so much, in the same unit; None where nothing is promised."""

    @property
    def ratio(self) -> float | None:
        """The measured part of what is promised: 1 or less holds."""
        return None if self.promised is None else self.measured / self.promised


def median_ms(action: Callable[[], object], *, runs: int) -> float:
    """Return the median time of one call in milliseconds, after one call to warm up."""
    action()
    times = []
    for _ in range(runs):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return median(times) * 1000

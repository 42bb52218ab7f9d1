"""Figures of benchmarks, and timing."""

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
    """Upper limit in the same unit; None without a limit."""

    @property
    def ratio(self) -> float | None:
        """Measured value divided by the limit: 1 or less passes."""
        return None if self.promised is None else self.measured / self.promised


def median_ms(action: Callable[[], object], *, runs: int) -> float:
    """Return the median time of a call in milliseconds, after one warm-up call."""
    action()
    times = []
    for _ in range(runs):
        start = perf_counter()
        action()
        times.append(perf_counter() - start)
    return median(times) * 1000

"""What a process costs: CPU, time and memory, as the system counted them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process has cost."""

    cpu_s: float
    """User and system."""
    wall_s: float
    peak_mb: float
    """The most memory it held at a time, 10⁶ bytes."""


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed.
    """
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … exited with {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss * 1024 / 1e6)


def interleaved(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, list[Cost]]:
    """Run all commands in turn, so often: what disturbs the machine disturbs them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost_of(command))
    return costs


def paired_ratio(ours: Sequence[Cost], theirs: Sequence[Cost]) -> float:
    """Return the median of the CPU ratios of the runs that stood side by side."""
    return median(a.cpu_s / b.cpu_s for a, b in zip(ours, theirs, strict=True))

"""CPU time, wall-clock time and memory of processes.

`python tests/bench/cpu_time.py COMMAND...` runs a command and prints its cost as JSON. The kernel
counts at least the parent's peak memory, so commands are started from this small process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter


@dataclass(frozen=True, slots=True)
class Cost:
    """Costs of one process."""

    user_s: float
    system_s: float
    wall_s: float
    peak_mb: float
    """Peak memory, 10⁶ bytes."""

    @property
    def cpu_s(self) -> float:
        """User and system CPU seconds."""
        return self.user_s + self.system_s


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command and return its costs.

    Raises:
        RuntimeError: The command failed.
    """
    small = [sys.executable, "-S", __file__, *command]
    result = subprocess.run(small, stdout=subprocess.PIPE, check=False)
    if result.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} … exited with {result.returncode}")
    return Cost(**json.loads(result.stdout))


def interleaved(commands: Mapping[str, Sequence[str]], *, rounds: int) -> dict[str, list[Cost]]:
    """Run all commands in turn, `rounds` times, so that disturbances affect them alike."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(cost_of(command))
    return costs


def paired_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios of paired runs."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> int:
    """Run the command given as arguments; return its exit code."""
    start = perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall_s = perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    cost = Cost(used.ru_utime, used.ru_stime, wall_s, used.ru_maxrss * 1024 / 1e6)
    print(json.dumps(asdict(cost)))  # noqa: T201
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())

"""The start of each Conductor laid open with its class cache, against the jar as it is.

Seconds on the clock and of CPU from the start of a process to the server's end, ready in between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tests.bench.cpu_time import interleaved, paired_ratio
from tests.bench.figures import Figure
from trackproof.testbed.conductor import VERSIONS, start_process
from trackproof.testbed.conductor.process import backend
from trackproof.testbed.conductor.process.jar import verified_jar

ROUNDS = 3


@dataclass(frozen=True)
class AsItIs:
    """Stands for a program: jars within a jar."""

    arguments: tuple[str, ...]


def measure() -> Iterable[Figure]:
    """Yield the costs of both, and their ratio; the first start of all is not counted."""
    for version in VERSIONS:
        start(version, "open")
        costs = interleaved(
            {how: [sys.executable, "-m", __name__, version, how] for how in ("open", "jar")},
            rounds=ROUNDS,
        )
        cpu = paired_ratio(*([cost.cpu_s for cost in paid] for paid in costs.values()))
        clock = paired_ratio(*([cost.wall_s for cost in paid] for paid in costs.values()))
        yield Figure(f"{version}: laid open / jar, CPU", cpu, "×", 0.6)
        yield Figure(f"{version}: laid open / jar, clock", clock, "×", 0.6)
        for how, paid in costs.items():
            yield Figure(f"{version}: {how}, CPU", median(cost.cpu_s for cost in paid), "s")
            yield Figure(f"{version}: {how}, clock", median(cost.wall_s for cost in paid), "s")


def start(version: str, how: str) -> None:
    """Start a server and end it when it is ready."""
    if how == "jar":
        jar = verified_jar(VERSIONS[version], report=lambda _: None)
        backend.__dict__["program_of"] = lambda *_, **__: AsItIs(("-jar", str(jar)))
    with start_process(version, report=lambda _: None):
        pass


if __name__ == "__main__":
    start(*sys.argv[1:])

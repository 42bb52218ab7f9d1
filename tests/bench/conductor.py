"""The start of each Conductor laid open with its class cache, against the jar as it is.

Seconds on the clock and of CPU from the start of a process to the server's end, ready in between.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tests.bench.figures import Figure
from tests.bench.spending import Cost, interleaved, paired_ratio
from tools.testbed.conductor import VERSIONS, process, start_process
from tools.testbed.conductor.jar import verified_jar

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
        yield Figure(f"{version}: laid open / jar, CPU", paired_ratio(*costs.values()), "×", 0.6)
        yield Figure(f"{version}: laid open / jar, clock", _clock_ratio(*costs.values()), "×", 0.6)
        for how, paid in costs.items():
            yield Figure(f"{version}: {how}, CPU", median(cost.cpu_s for cost in paid), "s")
            yield Figure(f"{version}: {how}, clock", median(cost.wall_s for cost in paid), "s")


def start(version: str, how: str) -> None:
    """Start a server and end it when it is ready."""
    if how == "jar":
        jar = verified_jar(VERSIONS[version], report=lambda _: None)
        process.__dict__["program_of"] = lambda *_, **__: AsItIs(("-jar", str(jar)))
    with start_process(version, report=lambda _: None):
        pass


def _clock_ratio(ours: list[Cost], theirs: list[Cost]) -> float:
    return median(a.wall_s / b.wall_s for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    start(*sys.argv[1:])

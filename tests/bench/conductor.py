"""Start of each Conductor from the exploded jar with its class cache, compared with the boot jar.

Wall-clock and CPU seconds of a process that starts the server, waits until it is ready and stops.
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
class BootJar:
    """Program of a boot jar, as downloaded."""

    arguments: tuple[str, ...]


def measure() -> Iterable[Figure]:
    """Yield the costs of both and their ratio, after a warm-up start."""
    for version in VERSIONS:
        start(version, "open")
        costs = interleaved(
            {how: [sys.executable, "-m", __name__, version, how] for how in ("open", "jar")},
            rounds=ROUNDS,
        )
        cpu = paired_ratio(*([cost.cpu_s for cost in paid] for paid in costs.values()))
        clock = paired_ratio(*([cost.wall_s for cost in paid] for paid in costs.values()))
        yield Figure(f"{version}: exploded / jar, CPU", cpu, "×", 0.6)
        yield Figure(f"{version}: exploded / jar, clock", clock, "×", 0.6)
        for how, paid in costs.items():
            yield Figure(f"{version}: {how}, CPU", median(cost.cpu_s for cost in paid), "s")
            yield Figure(f"{version}: {how}, clock", median(cost.wall_s for cost in paid), "s")


def start(version: str, how: str) -> None:
    """Start a server and stop it when it is ready."""
    if how == "jar":
        jar = verified_jar(VERSIONS[version], report=lambda _: None)
        backend.__dict__["program_of"] = lambda *_, **__: BootJar(("-jar", str(jar)))
    with start_process(version, report=lambda _: None):
        pass


if __name__ == "__main__":
    start(*sys.argv[1:])

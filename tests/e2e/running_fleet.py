"""A testbed on a shared Conductor with a running fleet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trackproof.fleet import REFERENCE, Fleet, FleetProfile
from trackproof.lab import Testbed
from trackproof.testbed.conductor import ConductorServer


@contextmanager
def running_fleet(
    conductor: ConductorServer, profile: FleetProfile = REFERENCE, *, database: str | None = None
) -> Iterator[tuple[Testbed, Fleet]]:
    with (
        Testbed.started(
            conductor=conductor.api_url,
            version=conductor.version,
            database=database,
            report=lambda _: None,
        ) as testbed,
        testbed.fleet(profile) as fleet,
    ):
        yield testbed, fleet

"""A testbed on a shared Conductor with a running fleet, and meetings that Conductor carries out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trackproof.fleet import REFERENCE, Fleet, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.progress import unscheduled_retries
from trackproof.testbed.conductor import ConductorServer

MEETINGS = 5
"""Conductor may fail a run because of a branch that failed once (`docs/conductor.md`)."""


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


def run_until_retried(run: Callable[[Path], Evidence], folders: pytest.TempPathFactory) -> Evidence:
    """Run meetings until Conductor has scheduled the retry of every branch; return the last."""
    for _ in range(MEETINGS):
        evidence = run(folders.mktemp("meeting"))
        if not (unscheduled_retries(evidence.workflow) or _join_failed(evidence)):
            break
    return evidence


def _join_failed(evidence: Evidence) -> bool:
    """Return whether Conductor failed a JOIN although its branches were retried and completed."""
    return any(
        task["taskType"] == "JOIN" and task["status"] == "FAILED"
        for task in evidence.workflow["tasks"]
    )

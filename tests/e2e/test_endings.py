"""Every ending reaches the transcript: also those that no worker sees."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures_audio import make_meeting
from trackproof.fleet import REFERENCE, Fleet
from trackproof.lab import Testbed
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

WATCHFUL = replace(REFERENCE, environment={**REFERENCE.environment, "RECONCILE_SECONDS": "0.2"})
SECONDS = 60


@contextmanager
def stuck_at_daily(
    conductor: ConductorServer, kind: str, folder: Path
) -> Iterator[tuple[Testbed, Scenario, str]]:
    """Run a meeting whose first step waits for an answer that comes late."""
    scenario = Scenario.prepared(make_meeting(tracks=1, seconds=5), folder)
    with (
        Testbed.started(
            conductor=conductor.api_url,
            version=conductor.version,
            database=kind,
            report=lambda _: None,
        ) as testbed,
        testbed.fleet(WATCHFUL) as fleet,
    ):
        testbed.stand_ins.faults.add(Fault(service="daily", delay=5.0))
        run = threading.Thread(target=_ignoring_the_end, args=(testbed, fleet, scenario))
        run.start()
        noted = "SELECT workflow_id FROM recordings WHERE id = :id AND workflow_id IS NOT NULL"
        found = wait_until(
            lambda: (
                database.rows(testbed.database_url, noted, id=scenario.recording_id)
                if fleet.log().count("fleet polls")
                else None
            ),
            what="the recording to know its workflow",
            timeout=SECONDS,
            evidence=fleet.log_tail,
        )
        yield testbed, scenario, found[0]["workflow_id"]
        run.join()


def _ignoring_the_end(testbed: Testbed, fleet: Fleet, scenario: Scenario) -> None:
    run_meeting(testbed, fleet, scenario)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_workflow_that_somebody_terminates_leaves_an_error_and_no_open_step(
    kind: str, conductor: ConductorServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        request.getfixturevalue("postgres")  # skips where there is none
    with stuck_at_daily(conductor, kind, tmp_path) as (testbed, scenario, workflow_id):
        testbed.rest.terminate(workflow_id, "enough")

        def status() -> bool:
            sql = "SELECT status FROM transcripts WHERE id = :id"
            (row,) = database.rows(testbed.database_url, sql, id=scenario.transcript_id)
            return bool(row["status"] == "error")

        wait_until(status, what="the transcript's status to be error", timeout=SECONDS)
        told = events(testbed, scenario)

    assert ("STATUS", {"value": "error"}) in told
    steps = [
        (data["current_step"], data["step_status"])
        for name, data in told
        if name == "PIPELINE_PROGRESS"
    ]
    assert steps[:2] == [("get_recording", "in_progress"), ("get_recording", "failed")]


def events(testbed: Testbed, scenario: Scenario) -> list[tuple[str, Any]]:
    """Return the transcript's events, in order."""
    rows = database.rows(
        testbed.database_url, REFERENCE.events_sql, transcript_id=scenario.transcript_id
    )
    return [(row["event"], plain(row["data"])) for row in rows]


def plain(data: Any) -> Any:
    """Return JSON as the driver gives it: SQLite's gives its text."""
    return json.loads(data) if isinstance(data, str) else data

"""Every ending of a workflow reaches the transcript, even one that no worker observes."""

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
from tests.e2e.running_fleet import running_fleet
from trackproof.fleet import REFERENCE
from trackproof.lab import Testbed
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor

RECONCILING = replace(REFERENCE, environment={**REFERENCE.environment, "RECONCILE_SECONDS": "0.2"})
SECONDS = 60


@contextmanager
def stuck_at_daily(
    conductor: ConductorServer, kind: str, folder: Path
) -> Iterator[tuple[Testbed, Scenario, str]]:
    """Run a meeting whose first step waits for a delayed response."""
    scenario = Scenario.create(make_meeting(tracks=1, seconds=5), folder)
    with running_fleet(conductor, RECONCILING, database=kind) as (testbed, fleet):
        testbed.stand_ins.faults.add(Fault(service="daily", delay=5.0))
        run = threading.Thread(target=run_meeting, args=(testbed, fleet, scenario))
        run.start()
        query = "SELECT workflow_id FROM recordings WHERE id = :id AND workflow_id IS NOT NULL"
        rows = wait_until(
            lambda: (
                database.rows(testbed.database_url, query, id=scenario.recording_id)
                if fleet.log().count("fleet is polling")
                else None
            ),
            what="the workflow id in the recording's row",
            timeout=SECONDS,
            evidence=fleet.log_tail,
        )
        yield testbed, scenario, rows[0]["workflow_id"]
        run.join()


@pytest.mark.nightly
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_terminated_workflow_sets_the_error_status_and_ends_its_step(
    kind: str, conductor: ConductorServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "postgres":
        request.getfixturevalue("postgres")  # skips if there is none
    with stuck_at_daily(conductor, kind, tmp_path) as (testbed, scenario, workflow_id):
        testbed.rest.terminate(workflow_id, "enough")

        def has_error_status() -> bool:
            sql = "SELECT status FROM transcripts WHERE id = :id"
            (row,) = database.rows(testbed.database_url, sql, id=scenario.transcript_id)
            return bool(row["status"] == "error")

        wait_until(has_error_status, what="the transcript's error status", timeout=SECONDS)
        emitted = events(testbed, scenario)

    assert ("STATUS", {"value": "error"}) in emitted
    steps = [
        (data["current_step"], data["step_status"])
        for name, data in emitted
        if name == "PIPELINE_PROGRESS"
    ]
    assert steps[:2] == [("get_recording", "in_progress"), ("get_recording", "failed")]


def events(testbed: Testbed, scenario: Scenario) -> list[tuple[str, Any]]:
    """Return the transcript's events in order."""
    rows = database.rows(
        testbed.database_url, REFERENCE.events_sql, transcript_id=scenario.transcript_id
    )
    return [(row["event"], decoded(row["data"])) for row in rows]


def decoded(data: Any) -> Any:
    """Decode JSON unless the driver has: SQLite's returns text."""
    return json.loads(data) if isinstance(data, str) else data

"""Snapshots of three canonical meetings, as seen from outside the fleet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from fixtures_audio import make_meeting
from tests.e2e.normalisation import normalise
from tests.e2e.running_fleet import running_fleet
from trackproof.lab import Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.ledger import Request

pytestmark = pytest.mark.conductor

START = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
HEADERS = ("content-type", "x-webhook-event", "x-webhook-retry", "x-webhook-signature")
PROGRESS = "PIPELINE_PROGRESS"


@pytest.mark.parametrize(
    "tracks",
    [pytest.param(1, marks=pytest.mark.nightly), pytest.param(3, marks=pytest.mark.nightly), 12],
)
def test_a_canonical_meeting_matches_its_snapshots(
    tracks: int, conductor: ConductorServer, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    meeting = make_meeting(tracks=tracks, seconds=12, seed=tracks)
    scenario = Scenario.create(meeting, tmp_path, run_id=f"canonical-{tracks}", started_at=START)
    with running_fleet(conductor) as (testbed, fleet):
        evidence = run_meeting(testbed, fleet, scenario).evidence
        workflow = evidence.workflow
        other_rows = rows(testbed)
        names = {
            workflow["workflowId"]: "workflow",
            testbed.s3.endpoint: "s3",
            str(testbed.folder): "folder",
            **{url: service for service, url in testbed.served.urls.items()},
        }

    json = snapshot.use_extension(JSONSnapshotExtension)
    assert normalise(requests(evidence.requests), names) == json(name="requests")
    assert normalise(events(evidence), names) == json(name="events")
    assert normalise(progress(evidence), names) == json(name="progress")
    # SQLite has no boolean type.
    transcript = {
        **evidence.transcript,
        "audio_deleted": bool(evidence.transcript["audio_deleted"]),
    }
    assert normalise(transcript, names) == json(name="transcript row")
    assert normalise(other_rows, names) == json(name="other rows")
    assert normalise(outputs(evidence), names) == json(name="outputs")


def rows(testbed: Testbed) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the other tables that workers write."""
    return {
        table: database.rows(testbed.database_url, f"SELECT * FROM {table} ORDER BY id")
        for table in ("meetings", "recordings")
    }


def requests(received: Sequence[Request]) -> list[dict[str, Any]]:
    """Return the requests by service, sorted because branches of a fork run in any order."""
    items = [
        {
            "service": request.service,
            "request": f"{request.method} {request.path}",
            "headers": {name: request.header(name) for name in HEADERS if request.header(name)},
            "body": request.json or dict(request.form),
            "answer": request.status,
        }
        for request in received
    ]
    return sorted(items, key=lambda one: (one["service"], one["request"], str(one["body"])))


def events(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the events in order; those of the parallel title and summary are sorted by name."""
    items = [{"event": name, "data": data} for name, data in evidence.events if name != PROGRESS]
    parallel = [one for one in items if one["event"].startswith("FINAL_")]
    first = next(index for index, one in enumerate(items) if one in parallel)
    others = [one for one in items if one not in parallel]
    return [*others[:first], *sorted(parallel, key=lambda one: one["event"]), *others[first:]]


def progress(evidence: Evidence) -> dict[str, list[str]]:
    """Return the progress of each task, in order."""
    by_task: dict[str, list[str]] = {}
    for name, data in evidence.events:
        if name == PROGRESS:
            entry = f"{data['step_status']} {data['step_index']}/{data['total_steps']}"
            if "branch" in data:
                entry += f" of {data['branches_total']} branches"
            by_task.setdefault(data["current_step"], []).append(entry)
    return dict(sorted(by_task.items()))


def outputs(evidence: Evidence) -> dict[str, Any]:
    """Return every task's output, by reference name."""
    by_reference = {
        task["referenceTaskName"]: task["outputData"]
        for task in evidence.workflow["tasks"]
        if task["taskType"] not in {"FORK", "FORK_JOIN", "JOIN", "FORK_JOIN_DYNAMIC"}
    }
    return dict(sorted(by_reference.items()))

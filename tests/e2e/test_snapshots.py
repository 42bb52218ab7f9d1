"""Three canonical meetings, as everything outside sees them: what changes shows in review."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from fixtures_audio import make_meeting
from trackproof.fleet import REFERENCE
from trackproof.lab import Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.normalisation import normalise
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.stand_ins.ledger import Request

pytestmark = pytest.mark.conductor

BEGAN = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)
TELLING_HEADERS = ("content-type", "x-webhook-event", "x-webhook-retry", "x-webhook-signature")
PROGRESS = "PIPELINE_PROGRESS"


@pytest.mark.parametrize("tracks", [1, 3, 12])
def test_a_canonical_meeting_looks_as_it_always_did(
    tracks: int, conductor: ConductorServer, tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    meeting = make_meeting(tracks=tracks, seconds=12, seed=tracks)
    scenario = Scenario.prepared(meeting, tmp_path, run_id=f"canonical-{tracks}", started_at=BEGAN)
    with (
        Testbed.started(
            conductor=conductor.api_url, version=conductor.version, report=lambda _: None
        ) as testbed,
        testbed.fleet(REFERENCE) as fleet,
    ):
        evidence = run_meeting(testbed, fleet, scenario).evidence
        workflow = evidence.workflow
        kept = rows(testbed)
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
    # SQLite has no booleans of its own.
    transcript = {
        **evidence.transcript,
        "audio_deleted": bool(evidence.transcript["audio_deleted"]),
    }
    assert normalise(transcript, names) == json(name="transcript row")
    assert normalise(kept, names) == json(name="other rows")
    assert normalise(outputs(evidence), names) == json(name="outputs")


def rows(testbed: Testbed) -> dict[str, list[dict[str, Any]]]:
    """Return what the run left in the other tables that workers write."""
    return {
        table: database.rows(testbed.database_url, f"SELECT * FROM {table} ORDER BY id")
        for table in ("meetings", "recordings")
    }


def requests(seen: Sequence[Request]) -> list[dict[str, Any]]:
    """Return what was sent outside, by service; branches of one fork come in any order."""
    told = [
        {
            "service": request.service,
            "request": f"{request.method} {request.path}",
            "headers": {
                name: request.header(name) for name in TELLING_HEADERS if request.header(name)
            },
            "body": request.json or dict(request.form),
            "answer": request.status,
        }
        for request in seen
    ]
    return sorted(told, key=lambda one: (one["service"], one["request"], str(one["body"])))


def events(evidence: Evidence) -> list[dict[str, Any]]:
    """Return the events in order; title and summary are written side by side, so by name."""
    told = [{"event": name, "data": data} for name, data in evidence.events if name != PROGRESS]
    side_by_side = [one for one in told if one["event"].startswith("FINAL_")]
    first = next(place for place, one in enumerate(told) if one in side_by_side)
    alone = [one for one in told if one not in side_by_side]
    return [*alone[:first], *sorted(side_by_side, key=lambda o: o["event"]), *alone[first:]]


def progress(evidence: Evidence) -> dict[str, list[str]]:
    """Return each task's own progress, in its order."""
    told: dict[str, list[str]] = {}
    for name, data in evidence.events:
        if name == PROGRESS:
            place = f"{data['step_status']} {data['step_index']}/{data['total_steps']}"
            if "branch" in data:
                place += f" of {data['branches_total']} branches"
            told.setdefault(data["current_step"], []).append(place)
    return dict(sorted(told.items()))


def outputs(evidence: Evidence) -> dict[str, Any]:
    """Return every task's output, by reference name."""
    told = {
        task["referenceTaskName"]: task["outputData"]
        for task in evidence.workflow["tasks"]
        if task["taskType"] not in {"FORK", "FORK_JOIN", "JOIN", "FORK_JOIN_DYNAMIC"}
    }
    return dict(sorted(told.items()))

"""`trackproof explain` on real runs: completed, failed and running."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures_audio import make_meeting
from tests.e2e.running_fleet import running_fleet
from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.pipeline_run import run_meeting
from trackproof.runs.scenario import Scenario
from trackproof.testbed import database
from trackproof.testbed.conductor import VERSIONS, ConductorServer
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.wait import wait_until

pytestmark = pytest.mark.conductor


class Lab:
    """A testbed, a fleet and a meeting of two tracks."""

    def __init__(self, testbed: Testbed, fleet: Fleet, folder: Path) -> None:
        self.testbed = testbed
        self.fleet = fleet
        self.folder = folder
        self.scenario = Scenario.create(make_meeting(tracks=2, seconds=5, seed=2), folder)

    def run(self) -> dict[str, Any]:
        return dict(run_meeting(self.testbed, self.fleet, self.scenario).workflow)

    def explain(self, workflow_id: str) -> tuple[str, Any]:
        """Return the terminal output and the JSON report."""
        report = self.folder / "timeline.json"
        code, output = trackproof(
            *("explain", workflow_id, "--conductor", self.testbed.conductor.api_url),
            *("--database", self.testbed.database_url, "--json", str(report)),
        )
        assert code == 0, output
        return output, json.loads(report.read_text())


@pytest.fixture
def lab(
    request: pytest.FixtureRequest,
    conductor_of: Callable[[str], ConductorServer],
    database_url: str,
    tmp_path: Path,
) -> Iterator[Lab]:
    server = conductor_of(getattr(request, "param", DEFAULT_VERSION))
    with running_fleet(server, database=database_url) as (testbed, fleet):
        yield Lab(testbed, fleet, tmp_path)


def attempts(timeline: Any, task_type: str) -> list[Any]:
    return [one for one in timeline["attempts"] if one["task_type"] == task_type]


@pytest.mark.parametrize(
    "lab",
    [
        pytest.param(name, marks=() if name == DEFAULT_VERSION else pytest.mark.nightly)
        for name in VERSIONS
    ],
    indirect=True,
)
def test_a_completed_run_is_shown_with_retries_and_costs(lab: Lab) -> None:
    lab.testbed.stand_ins.faults.add(Fault(service="webhook", status=503, times=1))
    workflow = lab.run()

    text, timeline = lab.explain(workflow["workflowId"])

    assert timeline["status"] == "COMPLETED"
    assert timeline["cause"] == ""
    first, second = attempts(timeline, "send_webhook")
    assert (first["status"], second["status"]) == ("FAILED", "COMPLETED")
    assert "answered 503" in first["reason"]
    assert (first["cost"]["calls"], second["cost"]["calls"]) == (1, 1)
    assert all(one["cost"]["runs"] == 1 for one in timeline["attempts"])
    # The stand-ins count independently.
    ledger = lab.testbed.stand_ins.ledger
    for service, types in {
        "modal": ["transcribe_track"],
        "llm": ["detect_topics", "generate_title", "generate_summary"],
    }.items():
        reported = sum(one["cost"]["calls"] for kind in types for one in attempts(timeline, kind))
        received = len(ledger.requests(service))
        hashed = len(attempts(timeline, "transcribe_track")) if service == "modal" else 0
        assert reported == received + hashed  # each track is downloaded once for its cache key
    assert timeline["cost"]["prompt_tokens"] == sum(
        json.loads(request.response)["usage"]["prompt_tokens"] for request in ledger.requests("llm")
    )
    assert "First cause" not in text
    assert "Costs: " in text
    # Output without a terminal truncates no figure.
    assert [one for one in timeline["attempts"] if f" {one['seconds']:.2f} " not in text] == []


def test_a_failed_run_is_shown_with_its_first_cause(lab: Lab) -> None:
    lab.testbed.stand_ins.faults.add(Fault(service="llm", status=401, body="no"))
    workflow = lab.run()

    text, timeline = lab.explain(workflow["workflowId"])

    assert timeline["status"] == "FAILED"
    assert timeline["cause"].startswith("detect_topics, attempt 1, ")
    assert timeline["cause"].endswith("/chat/completions: answered 401")
    assert "First cause: detect_topics" in text
    (failed,) = attempts(timeline, "detect_topics")
    assert failed["cost"]["calls"] == 1


@pytest.mark.nightly
def test_a_running_workflow_is_shown_in_its_present_state(lab: Lab) -> None:
    faults = lab.testbed.stand_ins.faults
    faults.add(Fault(service="daily", path="/recordings/*", delay=8.0))
    running = threading.Thread(target=lab.run)
    running.start()
    try:
        ledger = lab.testbed.stand_ins.ledger
        wait_until(
            lambda: bool(ledger.requests("daily")), what="the first step's request", timeout=60
        )
        workflow_id = wait_until(
            lambda: _workflow_of(lab), what="the workflow id in the recording's row", timeout=30
        )

        text, timeline = lab.explain(workflow_id)
    finally:
        running.join()

    assert timeline["status"] == "RUNNING"
    (only,) = timeline["attempts"]
    assert (only["reference"], only["status"]) == ("get_recording", "IN_PROGRESS")
    assert only["cost"] is None
    assert "RUNNING" in text


def test_an_unknown_run_exits_with_2(conductor: ConductorServer) -> None:
    code, output = trackproof("explain", "no/such run", "--conductor", conductor.api_url)

    assert code == 2
    assert "has no run 'no/such run'" in output
    assert "Hint:" in output


def _workflow_of(lab: Lab) -> str | None:
    sql = "SELECT workflow_id FROM recordings WHERE id = :id"
    rows = database.rows(lab.testbed.database_url, sql, id=lab.scenario.recording_id)
    return rows[0]["workflow_id"] if rows else None

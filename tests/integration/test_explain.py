"""`trackproof explain` on real runs: one that ended, one that failed, one in flight."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures_audio import make_meeting
from tests.unit.trackproof.cli.test_run import trackproof
from trackproof.fleet import REFERENCE, Fleet
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
    """A fleet at work on one meeting of two tracks."""

    def __init__(self, testbed: Testbed, fleet: Fleet, folder: Path) -> None:
        self.testbed = testbed
        self.fleet = fleet
        self.folder = folder
        self.scenario = Scenario.prepared(make_meeting(tracks=2, seconds=5, seed=2), folder)

    def run(self) -> dict[str, Any]:
        return dict(run_meeting(self.testbed, self.fleet, self.scenario).workflow)

    def explained(self, workflow_id: str) -> tuple[str, Any]:
        """Return what is printed, and the JSON."""
        report = self.folder / "story.json"
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
    with (
        Testbed.started(
            conductor=server.api_url,
            version=server.version,
            database=database_url,
            report=lambda _: None,
        ) as testbed,
        testbed.fleet(REFERENCE) as fleet,
    ):
        yield Lab(testbed, fleet, tmp_path)


def attempts(story: Any, task_type: str) -> list[Any]:
    return [one for one in story["attempts"] if one["task_type"] == task_type]


@pytest.mark.parametrize(
    "lab",
    [
        pytest.param(name, marks=() if name == DEFAULT_VERSION else pytest.mark.nightly)
        for name in VERSIONS
    ],
    indirect=True,
)
def test_a_run_that_ended_is_told_with_its_retries_and_all_its_costs(lab: Lab) -> None:
    lab.testbed.stand_ins.faults.add(Fault(service="webhook", status=503, times=1))
    workflow = lab.run()

    text, story = lab.explained(workflow["workflowId"])

    assert story["status"] == "COMPLETED"
    assert story["cause"] == ""
    first, second = attempts(story, "send_webhook")
    assert (first["status"], second["status"]) == ("FAILED", "COMPLETED")
    assert "answered 503" in first["reason"]
    assert (first["cost"]["calls"], second["cost"]["calls"]) == (1, 1)
    assert all(one["cost"]["runs"] == 1 for one in story["attempts"])
    # The stand-ins counted for themselves.
    ledger = lab.testbed.stand_ins.ledger
    for service, types in {
        "modal": ["transcribe_track"],
        "llm": ["detect_topics", "generate_title", "generate_summary"],
    }.items():
        told = sum(one["cost"]["calls"] for kind in types for one in attempts(story, kind))
        asked = len(ledger.requests(service))
        hashed = len(attempts(story, "transcribe_track")) if service == "modal" else 0
        assert told == asked + hashed  # each track is read once, to know it again
    assert story["cost"]["prompt_tokens"] == sum(
        json.loads(request.response)["usage"]["prompt_tokens"] for request in ledger.requests("llm")
    )
    assert "First cause" not in text
    assert "Costs: " in text
    # In a pipe too no figure is cut.
    assert [one for one in story["attempts"] if f" {one['seconds']:.2f} " not in text] == []


def test_a_run_that_failed_names_what_went_wrong_first(lab: Lab) -> None:
    lab.testbed.stand_ins.faults.add(Fault(service="llm", status=401, body="no"))
    workflow = lab.run()

    text, story = lab.explained(workflow["workflowId"])

    assert story["status"] == "FAILED"
    assert story["cause"].startswith("detect_topics, attempt 1, ")
    assert story["cause"].endswith("/chat/completions: answered 401")
    assert "First cause: detect_topics" in text
    (failed,) = attempts(story, "detect_topics")
    assert failed["cost"]["calls"] == 1


def test_a_run_in_flight_is_told_as_far_as_it_is(lab: Lab) -> None:
    faults = lab.testbed.stand_ins.faults
    faults.add(Fault(service="daily", path="/recordings/*", delay=8.0))
    running = threading.Thread(target=lab.run)
    running.start()
    try:
        ledger = lab.testbed.stand_ins.ledger
        wait_until(lambda: bool(ledger.requests("daily")), what="the first step to ask", timeout=60)
        workflow_id = wait_until(
            lambda: _workflow_of(lab), what="the recording to know its workflow", timeout=30
        )

        text, story = lab.explained(workflow_id)
    finally:
        running.join()

    assert story["status"] == "RUNNING"
    (only,) = story["attempts"]
    assert (only["reference"], only["status"]) == ("get_recording", "IN_PROGRESS")
    assert only["cost"] is None
    assert "RUNNING" in text


def test_a_run_that_nobody_knows_is_told_and_ends_with_2(lab: Lab) -> None:
    code, output = trackproof(
        "explain", "no/such run", "--conductor", lab.testbed.conductor.api_url
    )

    assert code == 2
    assert "knows no run 'no/such run'" in output
    assert "Hint:" in output


def _workflow_of(lab: Lab) -> str | None:
    sql = "SELECT workflow_id FROM recordings WHERE id = :id"
    found = database.rows(lab.testbed.database_url, sql, id=lab.scenario.recording_id)
    return found[0]["workflow_id"] if found else None

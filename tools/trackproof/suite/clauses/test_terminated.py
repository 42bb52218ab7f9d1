"""Clause pipeline.terminated: a meeting whose workflow is terminated ends in error."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from trackproof.errors import DeadlineError
from trackproof.runs.pipeline_run import start_run
from trackproof.runs.scenario import Scenario
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import expect_registered
from trackproof.wait import wait_until

NOTICED_SECONDS = 60.0
"""From the termination of a workflow to its transcript's final status."""


@pytest.fixture(scope="session")
def terminated(session_harness: Harness) -> tuple[Scenario, Mapping[str, Any]]:
    """Terminate a meeting's workflow once the fleet knows the meeting; return both."""
    harness = session_harness
    expect_registered(harness)
    harness.reset()
    meeting = harness.meeting(seed=241)
    if harness.fleet.exposes_events:
        harness.fleet.watch(meeting.transcript_id)
    workflow_id = start_run(harness.testbed, meeting)

    def is_known() -> bool:
        harness.fleet.check_alive()
        tasks = harness.testbed.rest.workflow(workflow_id)["tasks"]
        return any(
            task["taskDefName"] == "get_participants" and task["status"] == "COMPLETED"
            for task in tasks
        )

    wait_until(is_known, what="the end of get_participants", timeout=30)
    harness.testbed.rest.terminate(workflow_id, "by an operator")
    return meeting, harness.testbed.rest.workflow(workflow_id)


@pytest.mark.clause("pipeline.terminated")
def test_workflow_is_terminated(
    terminated: tuple[Scenario, Mapping[str, Any]], harness: Harness
) -> None:
    """Here, so that the fleet notices it beside the other tests."""
    _, workflow = terminated

    expect(workflow["status"], "status of the workflow").equals("TERMINATED")


@pytest.mark.late
@pytest.mark.clause("pipeline.terminated")
def test_status_of_a_terminated_meeting_becomes_error(
    terminated: tuple[Scenario, Mapping[str, Any]], harness: Harness
) -> None:
    meeting, _ = terminated

    def status() -> Any:
        harness.fleet.check_alive()
        return harness.task_runner.transcript(meeting.transcript_id).get("status")

    with suppress(DeadlineError):  # the row is judged as it is then
        wait_until(lambda: status() == "error", what="the final status", timeout=NOTICED_SECONDS)

    expect(status(), f"status after {NOTICED_SECONDS:g} s").equals("error")
    events = harness.task_runner.events(meeting.transcript_id)
    reported = [data.get("value") for name, data in events if name == "STATUS"]
    expect(reported[-1:], "last STATUS event").equals(["error"])

"""Clause pipeline.terminated: a meeting whose workflow ends without a worker ends in error."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError
from trackproof.runs.scenario import Scenario
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import expect_registered
from trackproof.testbed.conductor.rest import ConductorRest
from trackproof.wait import wait_until

NOTICED_SECONDS = 60.0
"""From the end of a workflow to its transcript's final status."""

TIME_OUT_SECONDS = 2

HELD_AFTER = "get_participants"
"""The step after which the workflow of these meetings waits for ever: the fleet knows them then."""

LostMeetings = Mapping[str, tuple[Scenario, str]]
"""Meetings and their workflow ids, by how the workflow ends."""


@pytest.fixture(scope="session")
def lost_meetings(session_harness: Harness) -> LostMeetings:
    """Run a meeting for each ending, to the early end of its workflow."""
    harness = session_harness
    expect_registered(harness)
    harness.reset()
    meetings = {
        "TERMINATED": start_held_meeting(harness),
        "TIMED_OUT": start_held_meeting(harness, timeoutSeconds=TIME_OUT_SECONDS),
    }
    for _, workflow_id in meetings.values():

        def is_held(workflow_id: str = workflow_id) -> bool:
            harness.fleet.check_alive()
            tasks = harness.testbed.rest.workflow(workflow_id)["tasks"]
            return any(task["taskType"] == "WAIT" for task in tasks)

        wait_until(is_held, what=f"the end of {HELD_AFTER}", timeout=30)
    harness.testbed.rest.terminate(meetings["TERMINATED"][1], "by an operator")
    for ending, (_, workflow_id) in meetings.items():

        def has_ended(ending: str = ending, workflow_id: str = workflow_id) -> bool:
            harness.testbed.rest.decide(workflow_id)  # its time-outs, now
            return bool(harness.testbed.rest.workflow(workflow_id)["status"] == ending)

        wait_until(has_ended, what=f"the workflow's status {ending}", timeout=30)
    return meetings


def start_held_meeting(harness: Harness, **fields: Any) -> tuple[Scenario, str]:
    """Start the registered workflow with a WAIT in it and other fields; return its id."""
    meeting = harness.meeting(seed=241)
    if harness.fleet.exposes_events:
        harness.fleet.watch(meeting.transcript_id)
    name, version = load_contracts().workflow["name"], load_contracts().workflow["version"]
    translator = harness.fleet.translator
    with ConductorRest(harness.testbed.rest.api_url) as server:  # in the fleet's terms
        definition = server.workflow_definition(*translator.workflow_name_to_fleet(name, version))
    tasks: list[Mapping[str, Any]] = list((definition or {})["tasks"])
    held = translator.task_to_fleet(HELD_AFTER)
    place = [task["name"] for task in tasks].index(held) + 1
    tasks.insert(place, {"name": "hold", "taskReferenceName": "hold", "type": "WAIT"})
    workflow_id = harness.testbed.rest.start_workflow(
        name,
        version,
        meeting.workflow_input(),
        definition={**(definition or {}), "tasks": tasks, **fields},
    )
    return meeting, workflow_id


@pytest.mark.clause("pipeline.terminated")
def test_workflow_is_terminated(lost_meetings: LostMeetings, harness: Harness) -> None:
    """Here, so that the fleet notices it beside the other tests."""
    workflow = harness.testbed.rest.workflow(lost_meetings["TERMINATED"][1])

    expect(workflow["status"], "status of the workflow").equals("TERMINATED")


@pytest.mark.late
@pytest.mark.clause("pipeline.terminated")
@pytest.mark.parametrize("ending", ["TERMINATED", "TIMED_OUT"])
def test_status_of_a_lost_meeting_becomes_error(
    ending: str, lost_meetings: LostMeetings, harness: Harness
) -> None:
    meeting, _ = lost_meetings[ending]

    def status() -> Any:
        harness.fleet.check_alive()
        return harness.task_runner.transcript(meeting.transcript_id).get("status")

    with suppress(DeadlineError):  # the row is judged as it is then
        wait_until(lambda: status() == "error", what="the final status", timeout=NOTICED_SECONDS)

    expect(status(), f"status after {NOTICED_SECONDS:g} s").equals("error")
    events = harness.task_runner.events(meeting.transcript_id)
    reported = [data.get("value") for name, data in events if name == "STATUS"]
    expect(reported[-1:], "last STATUS event").equals(["error"])

"""Clauses of contracts/tasks/get_recording.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "get_recording"


@pytest.mark.clause("get_recording.polls")
def test_the_fleet_polls_for_it_and_completes_it(harness: Harness) -> None:
    meeting = harness.meeting()

    run = harness.run_task(TASK, recording_id=meeting.recording_id)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(run.workflow_status, "the workflow").equals("COMPLETED")


@pytest.mark.clause("get_recording.output")
@pytest.mark.parametrize("session", [True, False])
def test_the_output_is_what_daily_tells(session: bool, harness: Harness) -> None:
    meeting = harness.meeting(seconds=9, session=session)

    run = harness.run_task(TASK, recording_id=meeting.recording_id)

    expect(run.output, "output").equals(
        {
            "id": meeting.recording_id,
            "mtg_session_id": meeting.session_id if session else None,
            "room_name": meeting.room_name,
            "duration": 9,
        }
    )
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)


@pytest.mark.clause("get_recording.transient-errors")
@pytest.mark.parametrize(
    "fault", [{"status": 429}, {"status": 500}, {"status": 503}, {"drop": True}], ids=str
)
def test_a_trouble_of_dailys_costs_one_more_try(fault: dict[str, Any], harness: Harness) -> None:
    meeting = harness.meeting()
    harness.break_service("daily", times=1, **fault)

    run = harness.run_task(TASK, recording_id=meeting.recording_id)

    expect(run.statuses, "attempts").equals(["FAILED", "COMPLETED"])
    expect(run.output.get("id"), "id").equals(meeting.recording_id)


@pytest.mark.clause("get_recording.permanent-errors")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_dailys_is_final(status: int, harness: Harness) -> None:
    meeting = harness.meeting()
    harness.break_service("daily", status=status)

    run = harness.run_task(TASK, recording_id=meeting.recording_id)

    expect(run.statuses, "attempts").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)

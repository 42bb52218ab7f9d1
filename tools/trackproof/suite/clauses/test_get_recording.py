"""Clauses of contracts/tasks/get_recording.yaml."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.odd_texts import ODD_TEXTS
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.services.daily import DailyRecording

TASK = "get_recording"


def get_recording_by_id(harness: Harness, recording_id: str) -> TaskRun:
    return harness.run_task(TASK, recording_id=recording_id)


def get_recording(harness: Harness, meeting: Scenario) -> TaskRun:
    return get_recording_by_id(harness, meeting.recording_id)


@pytest.mark.clause("get_recording.polls")
def test_task_is_polled_and_completed(harness: Harness) -> None:
    run = get_recording(harness, harness.meeting())

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.workflow_status, "status of the workflow").equals("COMPLETED")


@pytest.mark.clause("get_recording.output")
@pytest.mark.parametrize("session", [True, False])
def test_output_equals_the_recording_in_daily(session: bool, harness: Harness) -> None:
    meeting = harness.meeting(seconds=9, session=session)

    run = get_recording(harness, meeting)

    expect(run.output, "output").has(
        {
            "id": meeting.recording_id,
            "mtg_session_id": meeting.session_id if session else None,
            "room_name": meeting.room_name,
            "duration": 9,
        }
    )
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)


def epoch_seconds(value: Any) -> float | None:
    """Return a column's time, of any usual type, in epoch seconds; without a zone it is UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value if isinstance(value, (int, float)) else None


@pytest.mark.clause("get_recording.stored")
def test_meeting_of_the_recording_is_stored(harness: Harness) -> None:
    if not harness.fleet.profile.meeting_sql:
        raise NotVisible("meetings", "the rows of meetings (meeting_sql)")
    meeting = harness.meeting(tracks=2)

    get_recording(harness, meeting)

    row = harness.fleet.meeting(meeting.session_id)
    expected = {
        "id": meeting.session_id,
        "room_id": meeting.room_id,
        "room_name": meeting.room_name,
        "max_participants": 2,
    }
    stored = {name: row.get(name) for name in expected}
    stored["room_id"] = None if stored["room_id"] is None else str(stored["room_id"])
    expect(stored, "row of the meeting").equals(expected)
    started = epoch_seconds(row.get("started_at"))
    expect(started, "started_at in epoch seconds").equals(int(meeting.started_at.timestamp()))


@pytest.mark.clause("get_recording.stored")
def test_a_second_run_stores_what_has_changed_at_daily(harness: Harness) -> None:
    if not harness.fleet.profile.meeting_sql:
        raise NotVisible("meetings", "the rows of meetings (meeting_sql)")
    meeting = harness.meeting(tracks=2)
    get_recording(harness, meeting)
    room_name = f"{meeting.room_name} again"
    harness.testbed.stand_ins.daily.add_recording(
        DailyRecording(meeting.recording_id, room_name, 1_700_000_777, 9, meeting.session_id)
    )

    run = get_recording(harness, meeting)

    expect(run.output, "output").has({"room_name": room_name, "duration": 9})
    row = harness.fleet.meeting(meeting.session_id)
    expect(row.get("room_name"), "room_name in the row of the meeting").equals(room_name)
    started = epoch_seconds(row.get("started_at"))
    expect(started, "started_at in epoch seconds").equals(1_700_000_777)


@pytest.mark.clause("get_recording.transient-errors")
@pytest.mark.parametrize(
    "fault", [{"status": 429}, {"status": 500}, {"status": 503}, {"drop": True}], ids=str
)
def test_transient_error_of_daily_is_repeated(fault: dict[str, Any], harness: Harness) -> None:
    meeting = harness.meeting()
    harness.break_service("daily", times=1, **fault)

    run = get_recording(harness, meeting)

    # An HTTP client may repeat a GET by itself: then there is one attempt with two requests.
    repeated_by_client = len(run.attempts) == 1
    expect(run.statuses, "attempt statuses").equals(
        ["COMPLETED"] if repeated_by_client else ["FAILED", "COMPLETED"]
    )
    expect(len(run.requests_to("daily")), "calls to Daily").equals(2)
    expect(run.output.get("id"), "id").equals(meeting.recording_id)


@pytest.mark.clause("get_recording.permanent-errors")
@pytest.mark.parametrize("status", [401, 403, 404])
def test_permanent_error_fails_terminally(status: int, harness: Harness) -> None:
    meeting = harness.meeting()
    harness.break_service("daily", status=status)

    run = get_recording(harness, meeting)

    expect(run.statuses, "attempt statuses").equals(["FAILED_WITH_TERMINAL_ERROR"])
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)


@pytest.mark.clause("get_recording.odd-answers")
def test_values_of_daily_are_told_apart_from_the_rows(harness: Harness) -> None:
    start = 4_200_000_000  # beyond 32 bits with a sign
    answers: tuple[dict[str, Any], ...] = (
        {"room_name": ODD_TEXTS[0], "duration": 7_265, "max_participants": 0},
        {"room_name": "", "duration": None, "max_participants": None, "status": "in-progress"},
        {"room_name": ODD_TEXTS[2], "duration": 12.345678, "max_participants": 300},
        {"room_name": ODD_TEXTS[4], "duration": 0, "max_participants": 1},
    )
    meetings = [harness.meeting() for _ in answers]
    for index, (meeting, answer) in enumerate(zip(meetings, answers, strict=True)):
        body = {
            "id": meeting.recording_id,
            "start_ts": start + index,
            "status": "finished",
            "mtgSessionId": meeting.session_id,
            "tracks": None,
            **answer,
        }
        harness.break_service(
            "daily", path=f"*/recordings/{meeting.recording_id}", body=json.dumps(body)
        )

    runs = harness.run_tasks(
        TASK, [{"recording_id": one.recording_id} for one in meetings], about=meetings[0]
    )

    expect([run.statuses for run in runs], "attempt statuses").equals([["COMPLETED"]] * 4)
    for index, (meeting, run, answer) in enumerate(zip(meetings, runs, answers, strict=True)):
        expect(run.output, "output").has(
            {
                "id": meeting.recording_id,
                "mtg_session_id": meeting.session_id,
                "room_name": answer["room_name"],
                "duration": answer["duration"] or 0,
            }
        )
        if not harness.fleet.profile.meeting_sql:
            continue
        row = harness.fleet.meeting(meeting.session_id)
        stored = {name: row.get(name) for name in ("id", "room_name", "max_participants")}
        expect(stored, "row of the meeting").equals(
            {
                "id": meeting.session_id,
                "room_name": answer["room_name"],
                "max_participants": answer["max_participants"],
            }
        )
        expect(str(row.get("room_id")), "room_id").equals(meeting.room_id)
        expect(epoch_seconds(row.get("started_at")), "started_at").equals(start + index)


@pytest.mark.clause("get_recording.odd-answers")
def test_an_id_is_quoted_in_the_request(harness: Harness) -> None:
    # The recording is unknown to the database: nothing is stored.
    meeting = harness.meeting()
    recording_id = f"{meeting.recording_id} a&b+c%2F?x=1#\N{LATIN SMALL LETTER E WITH ACUTE}"
    harness.testbed.stand_ins.daily.add_recording(
        DailyRecording(recording_id, meeting.room_name, 1_700_000_000, 8, meeting.session_id)
    )

    run = get_recording_by_id(harness, recording_id)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").has({"id": recording_id, "duration": 8})

"""Clauses of contracts/tasks/get_participants.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.services.daily import DailyParticipant

TASK = "get_participants"

NAMES = ["Ada Lovelace", "שרה לוי", "Αγνή", "محمد", "山田 太郎", "🦉 Owl", None]


def fetched(harness: Harness, meeting: Scenario, **fields: Any) -> TaskRun:
    payload = {"mtg_session_id": meeting.session_id, "transcript_id": meeting.transcript_id}
    return harness.run_task(TASK, {**payload, **fields})


def people(run: TaskRun) -> dict[Any, Any]:
    """Return each participant's name and user by id."""
    listed = run.output.get("participants") or []
    return {one.get("participant_id"): (one.get("user_name"), one.get("user_id")) for one in listed}


@pytest.mark.clause("get_participants.fetches")
def test_everybody_of_the_session_comes_in_one_call(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3)

    run = fetched(harness, meeting)

    expect(set(people(run)), "participants").equals(
        {track.participant.id for track in meeting.meeting.tracks}
    )
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)


@pytest.mark.clause("get_participants.names")
def test_everybody_keeps_a_name_of_his_own_in_any_script(harness: Harness) -> None:
    meeting = harness.meeting()
    people_there = {
        f"p-{place}": (name, None if place % 2 else f"u-{place}")
        for place, name in enumerate(NAMES)
    }
    harness.testbed.stand_ins.daily.add_meeting(
        meeting.session_id,
        [
            DailyParticipant(person, 1_700_000_000, 8, user, name)
            for person, (name, user) in people_there.items()
        ],
    )

    run = fetched(harness, meeting)

    expect(people(run), "names").equals(people_there)


@pytest.mark.clause("get_participants.no-session")
def test_without_a_session_daily_is_not_asked(harness: Harness) -> None:
    meeting = harness.meeting(session=False)

    run = fetched(harness, meeting, mtg_session_id=None)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(run.output.get("participants"), "participants").equals([])
    expect(run.requests_to("daily"), "calls to Daily").equals([])


@pytest.mark.clause("get_participants.large-meeting")
def test_a_large_meeting_keeps_everybodys_long_name(harness: Harness) -> None:
    meeting = harness.meeting()
    long = {f"p-{place}": f"{place} " + "שם🦉🦉" * 50 for place in range(500)}
    harness.testbed.stand_ins.daily.add_meeting(
        meeting.session_id,
        [DailyParticipant(person, 1_700_000_000, 8, None, name) for person, name in long.items()],
    )

    run = fetched(harness, meeting)

    kept = {person: name for person, (name, _) in people(run).items()}
    expect(len(kept), "participants").equals(len(long))
    expect(kept == long, "everybody has his own name, whole").equals(True)

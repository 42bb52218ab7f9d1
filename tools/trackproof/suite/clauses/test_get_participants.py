"""Clauses of contracts/tasks/get_participants.yaml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from trackproof.runs.equality import same_value
from trackproof.runs.scenario import Scenario
from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.odd_texts import ODD_TEXTS
from trackproof.suite.harness import Harness
from trackproof.testbed.stand_ins.services.daily import PAGE_SIZE, DailyParticipant

TASK = "get_participants"

NAMES = ["Ada Lovelace", "שרה לוי", "Αγνή", "محمد", "山田 太郎", "🦉 Owl", None]

People = Mapping[str, tuple[str | None, str | None]]
"""User name and user id by participant id."""


def get_participants(harness: Harness, meeting: Scenario, **fields: Any) -> TaskRun:
    payload = {"mtg_session_id": meeting.session_id, "transcript_id": meeting.transcript_id}
    return harness.run_task(TASK, {**payload, **fields})


def meeting_of(harness: Harness, people: People) -> Scenario:
    """Prepare a meeting whose session in Daily has these participants."""
    meeting = harness.meeting()
    harness.testbed.stand_ins.daily.add_meeting(
        meeting.session_id,
        [
            DailyParticipant(participant, 1_700_000_000, 8, user, name)
            for participant, (name, user) in people.items()
        ],
    )
    return meeting


def people_of(run: TaskRun) -> dict[Any, Any]:
    """Return user name and user id by participant id."""
    listed = run.output.get("participants") or []
    return {one.get("participant_id"): (one.get("user_name"), one.get("user_id")) for one in listed}


@pytest.mark.clause("get_participants.fetches")
def test_all_participants_come_from_one_call(harness: Harness) -> None:
    meeting = harness.meeting(tracks=3)

    run = get_participants(harness, meeting)

    expect(set(people_of(run)), "participant ids").equals(
        {track.participant.id for track in meeting.meeting.tracks}
    )
    expect(len(run.requests_to("daily")), "calls to Daily").equals(1)


@pytest.mark.clause("get_participants.names")
def test_names_of_any_script_are_unchanged(harness: Harness) -> None:
    people = {
        f"p-{index}": (name, None if index % 2 else f"u-{index}")
        for index, name in enumerate(NAMES)
    }

    run = get_participants(harness, meeting_of(harness, people))

    expect(people_of(run), "name and user by participant id").equals(people)


@pytest.mark.clause("get_participants.no-session")
def test_meeting_without_a_session_costs_no_call(harness: Harness) -> None:
    meeting = harness.meeting(session=False)

    run = get_participants(harness, meeting, mtg_session_id=None)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output.get("participants"), "participants").equals([])
    expect(run.requests_to("daily"), "calls to Daily").equals([])


@pytest.mark.clause("get_participants.stored")
def test_every_participant_is_stored_with_its_name(harness: Harness) -> None:
    people = {f"p-{index}": (name, None) for index, name in enumerate(NAMES)}

    run = get_participants(harness, meeting_of(harness, people))

    stored = run.transcript.get("participants") or []
    names = {
        # The row may have the names of the output or those of the webhook's payload.
        one.get("participant_id", one.get("id")): one.get("user_name", one.get("name"))
        for one in stored
    }
    expect(names, "name by participant id in the transcript row").equals(
        {participant: name for participant, (name, _) in people.items()}
    )


@pytest.mark.clause("get_participants.status")
def test_transcript_status_becomes_processing(harness: Harness) -> None:
    run = get_participants(harness, harness.meeting())

    expect(run.transcript.get("status"), "status of the transcript").equals("processing")
    expect(run.emitted("STATUS"), "STATUS events").equals([{"value": "processing"}])


@pytest.mark.clause("get_participants.status")
def test_a_meeting_that_failed_before_is_processed_again(harness: Harness) -> None:
    meeting = harness.meeting()
    failed = get_participants(harness, meeting, mtg_session_id=7)
    expect(failed.status, "status of the task with a bad input").equals(
        "FAILED_WITH_TERMINAL_ERROR"
    )

    run = get_participants(harness, meeting)

    expect(run.transcript.get("status"), "status of the transcript").equals("processing")
    if failed.transcript.get("status") == "error":
        expect(run.emitted("STATUS"), "STATUS events").equals([{"value": "processing"}])


@pytest.mark.clause("get_participants.stored")
def test_a_meeting_without_participants_replaces_earlier_ones(harness: Harness) -> None:
    meeting = harness.meeting(participants=[{"id": "old", "name": "Old", "speaker": 0}])
    harness.testbed.stand_ins.daily.add_meeting(meeting.session_id, [])

    run = get_participants(harness, meeting)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.transcript.get("participants") or [], "participants in the row").equals([])
    expect(run.transcript.get("status"), "status of the transcript").equals("processing")


@pytest.mark.clause("get_participants.large-meeting")
def test_500_long_names_are_unchanged(harness: Harness) -> None:
    people = {f"p-{index}": (f"{index} " + "שם🦉🦉" * 50, None) for index in range(500)}

    run = get_participants(harness, meeting_of(harness, people))

    names = {participant: name for participant, (name, _) in people_of(run).items()}
    expect(len(names), "number of participants").equals(len(people))
    changed = [one for one, (name, _) in people.items() if not same_value(names.get(one), name)]
    expect(changed, "participants whose name has changed").equals([])


Entry = tuple[str | None, str | None, int | None]
"""Id and name of a participant at Daily, and the speaker in the row."""

ENTRIES: tuple[Entry, ...] = (
    ("ada", "Ada", 1),  # unmuted twice: tracks 1 and 4; track 0 is the sound of a screen
    ("ada", "Ada (phone)", 1),
    ("ada-2", "Ada", 3),
    ("ad", "Two  Spaces", None),  # the beginning of another id
    ("ADA", "Capitals", None),
    ("spaces", " \tAround\u00a0 ", None),
    ("da", None, 2),
    ("a.a", "Dot", None),  # as a pattern it would match ada
    ("cam-audio", "Cam", None),
    (None, "Guest", None),
    ("", "Guest", None),
    ("blank", "   ", None),
    ("nobody", "", None),
    *((f"odd-{index}", text, None) for index, text in enumerate(ODD_TEXTS)),
    ("long", "Ü" * 32_768, None),
)
REJOINED = ("ada", "ada-2")
KEYS = tuple(
    f"acme/{{room}}/17-{name}-17{index}"
    for index, name in enumerate(
        ("ada-screen-audio", "ada-cam-audio", "da-cam-audio", "ada-2-cam-audio", "ada-cam-audio")
    )
)


@pytest.mark.clause("get_participants.people")
def test_each_entry_is_one_participant_with_its_name_and_speaker(harness: Harness) -> None:
    meeting = harness.meeting(tracks=5, seconds=6, keys=KEYS)
    listed = [
        {
            "participant_id": participant,
            "user_name": name,
            # Someone who rejoins has the same user_id, perhaps with another participant_id.
            "user_id": f"user-{(participant or 'guest')[:3]}"
            if not participant or participant in (*REJOINED, "nobody")
            else None,
            "join_time": 1_700_000_000,
            "duration": 6,
        }
        for participant, name, _ in ENTRIES
    ]
    harness.break_service("daily", body=json.dumps({"data": listed}))

    run = get_participants(harness, meeting)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    stored = run.transcript.get("participants") or []
    expected = [(one, _shown(name), speaker) for one, name, speaker in ENTRIES]
    for place, people, fields in (
        ("transcript row", stored, ("id", "name")),
        ("output", run.output.get("participants") or [], ("participant_id", "user_name")),
    ):
        own = [(one.get(fields[0]), one.get(fields[1])) for one in people]
        if place == "output":  # in Daily's form, where a blank name may stay
            own = [(one, _shown(name)) for one, name in own]
        expect(len(own), f"participants in the {place}").equals(len(ENTRIES))
        known = sorted((one, name or "") for one, name in own if one in {e[0] for e in ENTRIES})
        expect(known, f"ids and names in the {place}").equals(
            sorted((one, name or "") for one, name, _ in expected if one)
        )
        invented = [one for one, _ in own if one not in {entry[0] for entry in ENTRIES if entry[0]}]
        expect(invented, f"ids of guests without one in the {place}").holds(
            all(isinstance(one, str) and one for one in invented), "texts that are not empty"
        )
        if place != "output":
            expect(len(set(invented)), f"different ids of guests in the {place}").equals(
                len(invented)
            )
    speakers = {one.get("id"): one.get("speaker") for one in stored}
    expect({one: speakers.get(one) for one, _, _ in ENTRIES if one}, "speakers in the row").equals(
        {one: speaker for one, _, speaker in ENTRIES if one}
    )
    expect(all("speaker" in one for one in stored), "each has a speaker, perhaps null").equals(True)
    users = [one.get("user_id") for one in run.output.get("participants") or []]
    expect([one for one in users if one], "user ids").equals(
        ["user-ada"] * 3 + ["user-gue"] * 2 + ["user-nob"]
    )


def _shown(name: Any) -> str | None:
    """Return a name as the contract has it: null if blank."""
    return name if isinstance(name, str) and name.strip() else None


@pytest.mark.clause("get_participants.pages")
@pytest.mark.parametrize("count", [PAGE_SIZE, 7 * PAGE_SIZE + 50])
def test_every_page_is_fetched(count: int, harness: Harness) -> None:
    people = {f"p-{index}": (f"Name {index}", None) for index in range(count)}

    run = get_participants(harness, meeting_of(harness, people))

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    listed = [one.get("participant_id") for one in run.output.get("participants") or []]
    expect(sorted(map(str, listed)), "participants in the output").equals(sorted(people))
    stored = run.transcript.get("participants") or []
    ids = [str(one.get("participant_id", one.get("id"))) for one in stored]
    expect(sorted(ids), "participants in the transcript row").equals(sorted(people))
    violations = [one.violations for one in run.requests_to("daily") if one.violations]
    expect(violations, "requests that break Daily's document").equals([])

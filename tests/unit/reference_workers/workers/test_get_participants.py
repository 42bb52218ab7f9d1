from __future__ import annotations

import json

import pytest

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.seed import seed
from reference_workers.workers.get_participants import get_participants
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    Json,
    WorkerHarness,
    meeting_rows,
)
from trackproof.testbed.stand_ins import DailyParticipant, Fault

ADA = {"participant_id": "p-ada", "user_name": "Ada Lovelace", "user_id": "user-1"}
GUEST = {"participant_id": "p-guest", "user_name": None, "user_id": None}


def payload(session_id: str | None) -> Json:
    return {"mtg_session_id": session_id, "transcript_id": TRANSCRIPT_ID}


def test_participants_are_stored_with_their_track_as_speaker(empty_harness: WorkerHarness) -> None:
    keys = ["standup/p-guest-cam-audio-1", "standup/p-ada-cam-audio-2"]
    seed(empty_harness.clients.state, meeting_rows(track_keys=keys))

    empty_harness.completed("get_participants", payload("session-1"))

    assert empty_harness.transcript().participants == [
        {"id": "p-ada", "name": "Ada Lovelace", "speaker": 1},
        {"id": "p-guest", "name": None, "speaker": 0},
    ]


def test_a_participant_without_a_track_has_no_speaker(empty_harness: WorkerHarness) -> None:
    seed(empty_harness.clients.state, meeting_rows(track_keys=["standup/p-ada-cam-audio-1"]))

    empty_harness.completed("get_participants", payload("session-1"))

    assert [person["speaker"] for person in empty_harness.transcript().participants] == [0, None]


def test_the_status_becomes_processing(harness: WorkerHarness) -> None:
    harness.completed("get_participants", payload("session-1"))

    assert harness.transcript().status == "processing"
    assert harness.events("STATUS") == [{"value": "processing"}]


def test_the_transcript_id_is_optional(empty_harness: WorkerHarness) -> None:
    output = empty_harness.completed("get_participants", {"mtg_session_id": "session-1"})

    assert output == {"participants": [ADA, GUEST]}


def test_an_unknown_session_is_a_permanent_failure(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="404"):
        get_participants(harness.context, mtg_session_id="nowhere", transcript_id=TRANSCRIPT_ID)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="daily", body="{}"),
        Fault(service="daily", body='{"data": null}'),
        Fault(service="daily", body='{"data": [{"user_name": "no id"}]}'),
        Fault(service="daily", body='{"data": ["Ada"]}'),
    ],
    ids=["no data", "null", "no id", "strings"],
)
def test_an_invalid_response_is_retried_and_stores_nothing(
    harness: WorkerHarness, fault: Fault
) -> None:
    harness.stand_ins.faults.add(fault)

    with pytest.raises(TransientError):
        get_participants(harness.context, mtg_session_id="session-1", transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().status == "uploaded"
    assert harness.event_names() == []


def test_an_unknown_transcript_is_a_permanent_failure(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="there is no transcript 'nowhere'"):
        get_participants(harness.context, mtg_session_id="session-1", transcript_id="nowhere")


def test_an_id_that_begins_another_one_gets_its_own_track(empty_harness: WorkerHarness) -> None:
    people = [DailyParticipant("p-1", 1, 9, None, "A"), DailyParticipant("p-10", 1, 9, None, "B")]
    empty_harness.stand_ins.daily.add_meeting("session-1", people)
    keys = ["m/17-p-10-cam-audio-1", "m/17-p-1-screen-audio-1", "m/17-p-1-cam-audio-2"]
    seed(empty_harness.clients.state, meeting_rows(track_keys=keys))

    empty_harness.completed("get_participants", payload("session-1"))

    assert [person["speaker"] for person in empty_harness.transcript().participants] == [2, 0]


@pytest.mark.parametrize("missing", ["null", '""'])
def test_a_participant_without_id_or_name_loses_nothing(
    harness: WorkerHarness, missing: str
) -> None:
    guest = f'{{"participant_id": {missing}, "user_name": {missing}, "user_id": null}}'
    body = f'{{"data": [{guest}, {json.dumps(ADA)}, {guest}]}}'
    harness.stand_ins.faults.add(Fault(service="daily", body=body))

    participants = harness.completed("get_participants", payload("session-1"))["participants"]

    assert [one["user_name"] for one in participants] == [None, "Ada Lovelace", None]
    assert len({one["participant_id"] for one in participants}) == 3

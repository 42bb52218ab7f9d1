from __future__ import annotations

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


def test_everybody_is_listed_guests_included(harness: WorkerHarness) -> None:
    output = harness.completed("get_participants", payload("session-1"))

    assert output == {"participants": [ADA, GUEST]}


def test_names_reach_the_transcript_with_their_track_as_speaker(empty_bench: WorkerHarness) -> None:
    keys = ["standup/p-guest-cam-audio-1", "standup/p-ada-cam-audio-2"]
    seed(empty_bench.clients.state, meeting_rows(track_keys=keys))

    empty_bench.completed("get_participants", payload("session-1"))

    assert empty_bench.transcript().participants == [
        {"id": "p-ada", "name": "Ada Lovelace", "speaker": 1},
        {"id": "p-guest", "name": None, "speaker": 0},
    ]


def test_somebody_who_left_no_track_has_no_speaker(empty_bench: WorkerHarness) -> None:
    seed(empty_bench.clients.state, meeting_rows(track_keys=["standup/p-ada-cam-audio-1"]))

    empty_bench.completed("get_participants", payload("session-1"))

    assert [person["speaker"] for person in empty_bench.transcript().participants] == [0, None]


def test_the_transcript_is_processing_from_here_on(harness: WorkerHarness) -> None:
    harness.completed("get_participants", payload("session-1"))

    assert harness.transcript().status == "processing"
    assert harness.events("STATUS") == [{"value": "processing"}]


def test_without_a_session_nobody_is_asked(harness: WorkerHarness) -> None:
    output = harness.completed("get_participants", payload(None))

    assert output == {"participants": []}
    assert harness.calls("daily") == 0
    assert harness.transcript().status == "processing"


def test_an_empty_meeting_has_no_participants(harness: WorkerHarness) -> None:
    assert harness.completed("get_participants", payload("session-empty")) == {"participants": []}


def test_it_works_without_a_transcript_as_the_seed_has_it(empty_bench: WorkerHarness) -> None:
    output = empty_bench.completed("get_participants", {"mtg_session_id": "session-1"})

    assert output == {"participants": [ADA, GUEST]}


@pytest.mark.parametrize("name", ["李小龍", "Ωmega </v> & co", "", "a\nb", "🎙" * 50])
def test_names_of_any_script_are_kept_as_given(harness: WorkerHarness, name: str) -> None:
    people = [DailyParticipant("p-ada", 1_700_000_000, 5, user_name=name)]
    harness.stand_ins.daily.add_meeting("session-2", people)

    output = harness.completed("get_participants", payload("session-2"))

    assert output["participants"][0]["user_name"] == name
    assert harness.transcript().participants[0]["name"] == name


def test_a_session_daily_does_not_know_is_final(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="404"):
        get_participants(harness.context, mtg_session_id="nowhere", transcript_id=TRANSCRIPT_ID)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(service="daily", status=500),
        Fault(service="daily", status=429),
        Fault(service="daily", drop=True),
        Fault(service="daily", body="{}"),
        Fault(service="daily", body='{"data": null}'),
        Fault(service="daily", body='{"data": [{"user_name": "no id"}]}'),
        Fault(service="daily", body='{"data": ["Ada"]}'),
    ],
    ids=["500", "429", "drop", "no data", "null", "no id", "strings"],
)
def test_what_may_pass_is_tried_again_and_nothing_is_written(
    harness: WorkerHarness, fault: Fault
) -> None:
    harness.stand_ins.faults.add(fault)

    with pytest.raises(TransientError):
        get_participants(harness.context, mtg_session_id="session-1", transcript_id=TRANSCRIPT_ID)

    assert harness.transcript().status == "uploaded"
    assert harness.event_names() == []


def test_a_transcript_that_is_not_there_is_final(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="there is no transcript 'nowhere'"):
        get_participants(harness.context, mtg_session_id="session-1", transcript_id="nowhere")

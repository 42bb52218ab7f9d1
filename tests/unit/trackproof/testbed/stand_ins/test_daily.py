from __future__ import annotations

import pytest

from tests.unit.trackproof.testbed.stand_ins.transports import Caller, bearer
from trackproof.testbed.stand_ins import DailyParticipant, DailyRecording, StandIns


def test_recording_has_the_format_of_the_api(stand_ins: StandIns, caller: Caller) -> None:
    answer = caller.call(
        "daily", "GET", "/recordings/rec-1", headers=bearer(stand_ins.credentials.daily_key)
    )

    assert answer.status_code == 200
    assert answer.json() == {
        "id": "rec-1",
        "room_name": "standup",
        "start_ts": 1_700_000_000,
        "status": "finished",
        "max_participants": 3,
        "duration": 61,
        "mtgSessionId": "session-1",
        "s3key": "standup/rec-1",
        "tracks": [{"type": "audio", "s3Key": "standup/rec-1/a-cam-audio-1", "size": 1234}],
    }


def test_recording_may_lack_a_meeting_session(stand_ins: StandIns, caller: Caller) -> None:
    answer = caller.call(
        "daily", "GET", "/recordings/rec-2", headers=bearer(stand_ins.credentials.daily_key)
    ).json()

    assert answer["mtgSessionId"] is None
    assert answer["status"] == "in-progress"


def test_participants_may_be_anonymous(stand_ins: StandIns, caller: Caller) -> None:
    path = "/meetings/session-1/participants"

    answer = caller.call("daily", "GET", path, headers=bearer(stand_ins.credentials.daily_key))

    assert answer.json()["data"] == [
        {
            "user_id": "user-1",
            "participant_id": "p-1",
            "user_name": "Ada Lovelace",
            "join_time": 1_700_000_001,
            "duration": 60,
        },
        {
            "user_id": None,
            "participant_id": "p-2",
            "user_name": None,
            "join_time": 1_700_000_003,
            "duration": 55,
        },
    ]


def test_empty_meeting_differs_from_an_unknown_one(stand_ins: StandIns, caller: Caller) -> None:
    headers = bearer(stand_ins.credentials.daily_key)

    empty = caller.call("daily", "GET", "/meetings/session-empty/participants", headers=headers)
    unknown = caller.call("daily", "GET", "/meetings/session-9/participants", headers=headers)

    assert empty.json() == {"data": []}
    assert unknown.status_code == 404


def test_unknown_recording_is_not_found(stand_ins: StandIns, caller: Caller) -> None:
    answer = caller.call(
        "daily", "GET", "/recordings/nope", headers=bearer(stand_ins.credentials.daily_key)
    )

    assert answer.status_code == 404
    assert answer.json()["error"] == "not-found"


@pytest.mark.parametrize("path", ["/recordings/rec-1", "/meetings/session-1/participants"])
@pytest.mark.parametrize("headers", [{}, bearer("wrong")])
def test_missing_or_wrong_key_is_refused(
    caller: Caller, path: str, headers: dict[str, str]
) -> None:
    answer = caller.call("daily", "GET", path, headers=headers)

    assert answer.status_code == 401
    assert answer.json()["error"] == "authentication-error"


def test_added_recordings_and_meetings_are_served(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.daily.add_recording(DailyRecording("rec-3", "late", 1, 1, "session-3"))
    stand_ins.daily.add_meeting("session-3", [DailyParticipant("p-9", 1, 1)])
    headers = bearer(stand_ins.credentials.daily_key)

    recording = caller.call("daily", "GET", "/recordings/rec-3", headers=headers)
    people = caller.call("daily", "GET", "/meetings/session-3/participants", headers=headers)

    assert recording.json()["room_name"] == "late"
    assert [person["participant_id"] for person in people.json()["data"]] == ["p-9"]


def test_another_key_gets_a_list_of_its_own(stand_ins: StandIns, caller: Caller) -> None:
    stand_ins.daily.add_key("key of one trigger")
    recording = stand_ins.daily.recording("rec-1")

    def listed(key: str) -> list[str]:
        answer = caller.call("daily", "GET", "/recordings", headers=bearer(key)).json()
        return [one["id"] for one in answer["data"]]

    assert listed("key of one trigger") == []
    stand_ins.daily.list_recording("key of one trigger", recording)
    assert listed("key of one trigger") == ["rec-1"]
    assert "rec-2" in listed(stand_ins.credentials.daily_key)
    path = "/recordings/rec-2"
    assert caller.call("daily", "GET", path, headers=bearer("key of one trigger")).is_success

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.state.models import MeetingRow
from reference_workers.services.daily import Daily
from reference_workers.workers.get_recording import get_recording
from tests.unit.reference_workers.worker_harness import WorkerHarness
from trackproof.testbed.stand_ins import DailyRecording, Fault


def test_the_recording_is_told_in_the_contracts_words(harness: WorkerHarness) -> None:
    output = harness.completed("get_recording", {"recording_id": "rec-1"})

    assert output == {
        "id": "rec-1",
        "mtg_session_id": "session-1",
        "room_name": "standup",
        "duration": 61,
    }


def test_what_daily_says_of_the_session_is_kept(harness: WorkerHarness) -> None:
    for _ in range(2):
        harness.completed("get_recording", {"recording_id": "rec-1"})

    with harness.clients.state.read_session() as session:
        (meeting,) = session.scalars(select(MeetingRow)).all()
    assert (meeting.id, meeting.room_id, meeting.room_name) == ("session-1", "room-1", "standup")
    assert meeting.started_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize("started", [None, "yesterday", 1e300, float("nan"), [1]])
@pytest.mark.parametrize("people", [None, -1, 2**40, "three", True])
def test_a_session_told_in_another_shape_is_kept_as_far_as_it_is_known(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch, started: object, people: object
) -> None:
    answer = {
        "id": "rec-1",
        "mtgSessionId": "session-1",
        "room_name": "standup",
        "start_ts": started,
        "max_participants": people,
    }
    monkeypatch.setattr(Daily, "recording", lambda *_: answer)

    get_recording(harness.context, recording_id="rec-1")

    with harness.clients.state.read_session() as session:
        (meeting,) = session.scalars(select(MeetingRow)).all()
    assert (meeting.started_at, meeting.max_participants) == (None, None)


def test_a_recording_without_a_session_is_no_failure(harness: WorkerHarness) -> None:
    output = harness.completed("get_recording", {"recording_id": "rec-lonely"})

    assert output["mtg_session_id"] is None


def test_a_recording_daily_does_not_know_is_not_asked_for_again(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="answered 404"):
        get_recording(harness.context, recording_id="rec-unknown")

    assert harness.calls("daily") == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_busy_or_broken_daily_is_asked_again_later(harness: WorkerHarness, status: int) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", status=status))

    with pytest.raises(TransientError, match=f"answered {status}"):
        get_recording(harness.context, recording_id="rec-1")


@pytest.mark.parametrize("status", [400, 401, 403, 410])
def test_a_refusal_is_final(harness: WorkerHarness, status: int) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", status=status))

    with pytest.raises(PermanentError, match=f"answered {status}"):
        get_recording(harness.context, recording_id="rec-1")


def test_a_dropped_connection_may_hold_next_time(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", drop=True, times=1))

    with pytest.raises(TransientError, match="no answer"):
        get_recording(harness.context, recording_id="rec-1")
    assert get_recording(harness.context, recording_id="rec-1")["id"] == "rec-1"


def test_an_answer_that_takes_too_long_is_given_up(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", delay=30))
    hasty = Daily(harness.clients.settings.model_copy(update={"outside_timeout_seconds": 0.05}))

    with pytest.raises(TransientError, match=r"no answer \(ReadTimeout\)"):
        hasty.recording("rec-1")
    hasty.close()


@pytest.mark.parametrize("body", ["<html>gateway</html>", "[]", "null", '{"id": null}', "{}"])
def test_a_200_with_rubbish_is_retried(harness: WorkerHarness, body: str) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", body=body))

    assert harness.execute("get_recording", {"recording_id": "rec-1"}).status == "FAILED"


@pytest.mark.parametrize("recording_id", ["a/../b", "meetings?x=1", "ü#1", "%2e%2e"])
def test_an_id_cannot_choose_another_path(harness: WorkerHarness, recording_id: str) -> None:
    with pytest.raises(PermanentError, match="404"):
        get_recording(harness.context, recording_id=recording_id)

    (request,) = harness.stand_ins.ledger.requests("daily")
    assert request.path == f"/recordings/{recording_id}"
    assert request.query == {}


def test_a_duration_daily_does_not_know_is_nought(harness: WorkerHarness) -> None:
    body = '{"id": "rec-1", "room_name": "standup", "duration": null}'
    harness.stand_ins.faults.add(Fault(service="daily", body=body))

    assert get_recording(harness.context, recording_id="rec-1")["duration"] == 0


def test_the_key_of_a_recording_added_later_is_sent(harness: WorkerHarness) -> None:
    harness.stand_ins.daily.add_recording(DailyRecording("rec-2", "retro", 1_700_000_000, 9))

    assert harness.completed("get_recording", {"recording_id": "rec-2"})["room_name"] == "retro"

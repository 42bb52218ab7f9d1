from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from reference_workers.errors import PermanentError, TransientError
from reference_workers.platform.state.models import MeetingRow
from reference_workers.services.daily import Daily
from reference_workers.workers.get_recording import get_recording
from tests.unit.reference_workers.worker_harness import WorkerHarness
from trackproof.testbed.stand_ins import Fault


def test_the_session_is_stored_as_a_meeting(harness: WorkerHarness) -> None:
    for _ in range(2):
        harness.completed("get_recording", {"recording_id": "rec-1"})

    with harness.clients.state.read_session() as session:
        (meeting,) = session.scalars(select(MeetingRow)).all()
    assert (meeting.id, meeting.room_id, meeting.room_name) == ("session-1", "room-1", "standup")
    assert meeting.started_at == datetime.fromtimestamp(1_700_000_000, UTC)


@pytest.mark.parametrize(
    ("started", "people"),
    [(None, None), ("yesterday", -1), (1e300, 2**40), (float("nan"), "three"), ([1], True)],
)
def test_invalid_fields_of_a_session_are_stored_as_null(
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


def test_a_slow_response_times_out(harness: WorkerHarness) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", delay=30))
    daily = Daily(harness.clients.settings.model_copy(update={"outside_timeout_seconds": 0.05}))

    with pytest.raises(TransientError, match=r"no answer \(ReadTimeout\)"):
        daily.recording("rec-1")
    daily.close()


@pytest.mark.parametrize("body", ["<html>gateway</html>", "[]", "null", '{"id": null}', "{}"])
def test_an_invalid_response_is_retried(harness: WorkerHarness, body: str) -> None:
    harness.stand_ins.faults.add(Fault(service="daily", body=body))

    assert harness.execute("get_recording", {"recording_id": "rec-1"}).status == "FAILED"


@pytest.mark.parametrize("recording_id", ["a/../b", "meetings?x=1", "ü#1", "%2e%2e"])
def test_an_id_is_quoted_in_the_path(harness: WorkerHarness, recording_id: str) -> None:
    with pytest.raises(PermanentError, match="404"):
        get_recording(harness.context, recording_id=recording_id)

    (request,) = harness.stand_ins.ledger.requests("daily")
    assert request.path == f"/recordings/{recording_id}"
    assert request.query == {}


def test_an_unknown_duration_is_0(harness: WorkerHarness) -> None:
    body = '{"id": "rec-1", "room_name": "standup", "duration": null}'
    harness.stand_ins.faults.add(Fault(service="daily", body=body))

    assert get_recording(harness.context, recording_id="rec-1")["duration"] == 0

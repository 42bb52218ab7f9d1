from __future__ import annotations

import io
import json
from contextlib import closing

import pytest
from sqlalchemy.exc import IntegrityError

from reference_workers.platform import seed as seed_command
from reference_workers.platform.seed import seed
from reference_workers.platform.state.repository import State
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, WorkerHarness, meeting_rows

IDS = {"room_id": "room-1", "recording_id": "rec-1", "transcript_id": TRANSCRIPT_ID}


def test_all_rows_of_a_meeting_are_inserted(empty_harness: WorkerHarness) -> None:
    state = empty_harness.clients.state

    ids = seed(state, meeting_rows(granted={"ada": True, "bob": False}))

    assert ids == IDS
    transcript = state.transcript(TRANSCRIPT_ID)
    assert transcript.status == "uploaded"
    recording, room = state.recording_of(transcript), state.room(transcript.room_id)
    assert recording is not None
    assert recording.bucket_name == "recordings"
    assert room is not None
    assert room.zulip_stream == "meetings"
    answers = {one.participant_id: one.granted for one in state.consents(TRANSCRIPT_ID)}
    assert answers == {"ada": True, "bob": False}
    assert state.transcript_id_of_recording("rec-1") == TRANSCRIPT_ID


def test_an_existing_meeting_is_an_error(empty_harness: WorkerHarness) -> None:
    seed(empty_harness.clients.state, meeting_rows(granted={"ada": True}))

    with pytest.raises(IntegrityError):
        seed(empty_harness.clients.state, meeting_rows(granted={"ada": True}))

    assert len(empty_harness.clients.state.consents(TRANSCRIPT_ID)) == 1


def test_the_command_prints_the_ids(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(meeting_rows())))

    seed_command.main()

    assert json.loads(capsys.readouterr().out) == IDS
    with closing(State(database_url)) as state:
        assert state.transcript(TRANSCRIPT_ID).room_id == "room-1"

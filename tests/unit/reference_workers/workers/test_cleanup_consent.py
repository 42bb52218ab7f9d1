from __future__ import annotations

from reference_workers.platform.seed import seed
from tests.unit.reference_workers.worker_harness import (
    TRANSCRIPT_ID,
    WorkerHarness,
    meeting_rows,
)

TRACK_KEYS = ["standup/track-0", "standup/track-1"]
PAYLOAD = {"transcript_id": TRANSCRIPT_ID}


def test_a_denial_in_another_meeting_deletes_nothing(empty_harness: WorkerHarness) -> None:
    seed(empty_harness.clients.state, meeting_rows(track_keys=TRACK_KEYS, granted={"ada": True}))
    other = meeting_rows(granted={"ada": False}, transcript={"id": "transcript-2"})
    other["room"]["id"], other["recording"]["id"] = "room-2", "rec-2"
    seed(empty_harness.clients.state, other)

    assert empty_harness.completed("cleanup_consent", PAYLOAD)["audio_deleted"] is False


def test_the_flag_is_set_only_after_all_audio_is_deleted(empty_harness: WorkerHarness) -> None:
    rows = meeting_rows(track_keys=TRACK_KEYS, granted={"ada": False})
    rows["recording"]["bucket_name"] = "no-such-bucket"
    seed(empty_harness.clients.state, rows)

    assert empty_harness.execute("cleanup_consent", PAYLOAD).status == "FAILED_WITH_TERMINAL_ERROR"
    assert empty_harness.transcript().audio_deleted is False


def test_an_unanswered_consent_is_no_denial(empty_harness: WorkerHarness) -> None:
    rows = meeting_rows(track_keys=TRACK_KEYS)
    rows["consents"] = [{"participant_id": "ada", "granted": None}]
    seed(empty_harness.clients.state, rows)

    assert empty_harness.completed("cleanup_consent", PAYLOAD)["audio_deleted"] is False

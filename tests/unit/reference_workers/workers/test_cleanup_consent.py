from __future__ import annotations

import pytest

from reference_workers.platform.seed import seed
from tests.unit.reference_workers.worker_harness import (
    RECORDINGS,
    TRANSCRIPT_ID,
    TRANSCRIPTS,
    WorkerHarness,
    meeting_rows,
)

RAW = ["standup/track-0", "standup/track-1", "standup/track-10"]
MADE = [f"{TRANSCRIPT_ID}/{name}" for name in ("padded_track_1.webm", "padded_track_10.webm")]
MIXDOWN = f"{TRANSCRIPT_ID}/audio.mp3"
OTHERS = ["transcript-10/audio.mp3", "transcript-10/padded_track_1.webm"]
PAYLOAD = {"transcript_id": TRANSCRIPT_ID}


@pytest.fixture
def recorded(empty_bench: WorkerHarness) -> WorkerHarness:
    """A harness with the audio of this meeting and of another one."""
    client = empty_bench.s3.client()
    for key in [*RAW, "standup/track-2"]:
        client.put_object(Bucket=RECORDINGS, Key=key, Body=b"raw")
    for key in [*MADE, MIXDOWN, *OTHERS]:
        client.put_object(Bucket=TRANSCRIPTS, Key=key, Body=b"made")
    return empty_bench


def answered(harness: WorkerHarness, **granted: bool) -> None:
    seed(harness.clients.state, meeting_rows(track_keys=RAW, granted=granted))


def test_one_no_among_many_deletes_all_audio_of_the_meeting(recorded: WorkerHarness) -> None:
    answered(recorded, ada=True, bob=False, eve=True)

    output = recorded.completed("cleanup_consent", PAYLOAD)

    assert output == {"audio_deleted": True, "reason": "consent denied by 1 participant(s)"}
    assert all(recorded.s3.gone(RECORDINGS, key) for key in RAW)
    assert all(recorded.s3.gone(TRANSCRIPTS, key) for key in [*MADE, MIXDOWN])
    assert recorded.transcript().audio_deleted is True


def test_the_audio_of_other_meetings_stays(recorded: WorkerHarness) -> None:
    answered(recorded, ada=False)

    recorded.completed("cleanup_consent", PAYLOAD)

    assert recorded.s3.keys(TRANSCRIPTS) == sorted(OTHERS)
    assert recorded.s3.keys(RECORDINGS) == ["standup/track-2"]


@pytest.mark.parametrize("granted", [{}, {"ada": True, "bob": True}], ids=["unasked", "all yes"])
def test_where_nobody_said_no_nothing_is_deleted(
    recorded: WorkerHarness, granted: dict[str, bool]
) -> None:
    answered(recorded, **granted)

    output = recorded.completed("cleanup_consent", PAYLOAD)

    assert output == {"audio_deleted": False, "reason": None}
    assert recorded.s3.keys(TRANSCRIPTS) == sorted([*MADE, MIXDOWN, *OTHERS])
    assert len(recorded.s3.keys(RECORDINGS)) == 4
    assert recorded.transcript().audio_deleted is False


def test_twice_is_as_good_as_once(recorded: WorkerHarness) -> None:
    answered(recorded, ada=False)

    once = recorded.completed("cleanup_consent", PAYLOAD)

    assert recorded.completed("cleanup_consent", PAYLOAD) == once


def test_a_no_for_another_meeting_is_not_ours(recorded: WorkerHarness) -> None:
    answered(recorded, ada=True)
    other = meeting_rows(granted={"ada": False}, transcript={"id": "transcript-2"})
    other["room"]["id"], other["recording"]["id"] = "room-2", "rec-2"
    seed(recorded.clients.state, other)

    assert recorded.completed("cleanup_consent", PAYLOAD)["audio_deleted"] is False


def test_the_flag_is_not_set_while_anything_is_left(recorded: WorkerHarness) -> None:
    rows = meeting_rows(track_keys=RAW, granted={"ada": False})
    rows["recording"]["bucket_name"] = "no-such-bucket"
    seed(recorded.clients.state, rows)

    assert recorded.execute("cleanup_consent", PAYLOAD).status == "FAILED_WITH_TERMINAL_ERROR"
    assert recorded.transcript().audio_deleted is False

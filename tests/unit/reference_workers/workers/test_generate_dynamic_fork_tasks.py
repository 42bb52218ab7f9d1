from __future__ import annotations

import pytest

from reference_workers.errors import PermanentError
from reference_workers.workers.generate_dynamic_fork_tasks import generate_dynamic_fork_tasks
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness


def tracks(count: int) -> list[Json]:
    return [{"s3_key": f"standup/track-{index}"} for index in range(count)]


def transcription(count: int, **changes: object) -> Json:
    return {
        "tracks": tracks(count),
        "task_type": "transcribe_track",
        "transcript_id": TRANSCRIPT_ID,
        "padded_tracks": {f"pad_track_{index}": padded(index) for index in range(count)},
        **changes,
    }


def padded(index: int) -> Json:
    return {"padded_url": f"https://s3.test/padded-{index}", "size": 1, "track_index": index}


def test_without_tracks_there_are_no_branches(harness: WorkerHarness) -> None:
    output = harness.completed("generate_dynamic_fork_tasks", transcription(0))

    assert output == {"tasks": [], "inputs": {}}


def test_padded_tracks_are_matched_by_index_instead_of_branch_name(harness: WorkerHarness) -> None:
    joined = {"pad_track_0": padded(1), "pad_track_1": padded(0)}

    output = harness.completed(
        "generate_dynamic_fork_tasks", transcription(2, padded_tracks=joined)
    )

    assert output["inputs"]["transcribe_track_0"]["audio_url"] == "https://s3.test/padded-0"


def test_a_missing_padded_track_fails_the_task(harness: WorkerHarness) -> None:
    joined = {f"pad_track_{index}": padded(index) for index in range(12) if index != 11}

    outcome = harness.execute(
        "generate_dynamic_fork_tasks", transcription(12, padded_tracks=joined)
    )

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert outcome.reason == "transcribe_track needs padded_tracks; missing: [11]"


def test_the_failure_lists_all_missing_padded_tracks(harness: WorkerHarness) -> None:
    outcome = harness.execute("generate_dynamic_fork_tasks", transcription(2, padded_tracks=None))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "missing: [0, 1]" in str(outcome.reason)


def test_padding_requires_a_bucket(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError, match="pad_track needs bucket_name"):
        generate_dynamic_fork_tasks(
            harness.context,
            tracks=tracks(1),
            task_type="pad_track",
            transcript_id=TRANSCRIPT_ID,
            bucket_name=None,
            padded_tracks=None,
            language="en",
        )


def test_the_default_language_is_english(harness: WorkerHarness) -> None:
    output = harness.completed("generate_dynamic_fork_tasks", transcription(1, language=None))

    assert output["inputs"]["transcribe_track_0"]["language"] == "en"

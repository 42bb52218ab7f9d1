from __future__ import annotations

import random

import pytest

from reference_workers.errors import PermanentError
from reference_workers.workers.generate_dynamic_fork_tasks import generate_dynamic_fork_tasks
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness

COUNTS = [0, 1, 2, 12]


def tracks(count: int) -> list[Json]:
    return [{"s3_key": f"standup/track-{index}"} for index in range(count)]


def padding(count: int, **changes: object) -> Json:
    return {
        "tracks": tracks(count),
        "task_type": "pad_track",
        "transcript_id": TRANSCRIPT_ID,
        "bucket_name": "recordings",
        **changes,
    }


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


@pytest.mark.parametrize("count", COUNTS)
def test_each_track_becomes_one_padding_branch_with_its_input(
    harness: WorkerHarness, count: int
) -> None:
    output = harness.completed("generate_dynamic_fork_tasks", padding(count))

    assert output["tasks"] == [
        {"name": "pad_track", "taskReferenceName": f"pad_track_{index}", "type": "SIMPLE"}
        for index in range(count)
    ]
    assert output["inputs"] == {
        f"pad_track_{index}": {
            "track_index": index,
            "transcript_id": TRANSCRIPT_ID,
            "s3_key": f"standup/track-{index}",
            "bucket_name": "recordings",
        }
        for index in range(count)
    }


@pytest.mark.parametrize("count", COUNTS)
def test_each_track_becomes_one_transcription_branch_with_its_input(
    harness: WorkerHarness, count: int
) -> None:
    output = harness.completed("generate_dynamic_fork_tasks", transcription(count, language="de"))

    assert output["tasks"] == [
        {
            "name": "transcribe_track",
            "taskReferenceName": f"transcribe_track_{index}",
            "type": "SIMPLE",
        }
        for index in range(count)
    ]
    assert output["inputs"] == {
        f"transcribe_track_{index}": {
            "track_index": index,
            "transcript_id": TRANSCRIPT_ID,
            "audio_url": f"https://s3.test/padded-{index}",
            "language": "de",
        }
        for index in range(count)
    }


@pytest.mark.parametrize(
    "order",
    [
        [0, 1, 10, 11, *range(2, 10)],
        list(reversed(range(12))),
        *(random.Random(seed).sample(range(12), 12) for seed in range(3)),
    ],
    ids=["alphabetical", "reversed", "shuffled 0", "shuffled 1", "shuffled 2"],
)
def test_the_order_of_the_joins_map_means_nothing(harness: WorkerHarness, order: list[int]) -> None:
    joined = {f"pad_track_{index}": padded(index) for index in order}

    output = harness.completed(
        "generate_dynamic_fork_tasks", transcription(12, padded_tracks=joined)
    )

    urls = [output["inputs"][f"transcribe_track_{index}"]["audio_url"] for index in range(12)]
    assert urls == [f"https://s3.test/padded-{index}" for index in range(12)]


def test_a_track_goes_by_its_index_and_not_by_its_branchs_name(harness: WorkerHarness) -> None:
    joined = {"pad_track_0": padded(1), "pad_track_1": padded(0)}

    output = harness.completed(
        "generate_dynamic_fork_tasks", transcription(2, padded_tracks=joined)
    )

    assert output["inputs"]["transcribe_track_0"]["audio_url"] == "https://s3.test/padded-0"


@pytest.mark.parametrize("lost", [0, 2, 11])
def test_a_lost_track_is_named_and_never_dropped(harness: WorkerHarness, lost: int) -> None:
    joined = {f"pad_track_{index}": padded(index) for index in range(12) if index != lost}

    outcome = harness.execute(
        "generate_dynamic_fork_tasks", transcription(12, padded_tracks=joined)
    )

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert outcome.reason == f"transcribe_track needs padded_tracks; missing: [{lost}]"


def test_transcription_without_any_padded_tracks_names_them_all(harness: WorkerHarness) -> None:
    outcome = harness.execute("generate_dynamic_fork_tasks", transcription(2, padded_tracks=None))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "missing: [0, 1]" in str(outcome.reason)


def test_padding_needs_a_bucket(harness: WorkerHarness) -> None:
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


def test_the_language_is_english_unless_told(harness: WorkerHarness) -> None:
    output = harness.completed("generate_dynamic_fork_tasks", transcription(1, language=None))

    assert output["inputs"]["transcribe_track_0"]["language"] == "en"


@pytest.mark.parametrize(
    "changes",
    [{"task_type": "mixdown_tracks"}, {"tracks": [{}]}, {"tracks": tracks(65)}],
    ids=["another task", "no key", "too many"],
)
def test_a_fork_that_makes_no_sense_is_refused(harness: WorkerHarness, changes: Json) -> None:
    outcome = harness.execute("generate_dynamic_fork_tasks", padding(1, **changes))

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"

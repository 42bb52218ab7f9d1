from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference_workers.errors import PermanentError
from reference_workers.workers.merge_transcripts import merge_transcripts
from tests.unit.reference_workers.worker_harness import TRANSCRIPT_ID, Json, WorkerHarness, word

FIRST = [word("hello", 0.0, 0), word("there", 2.0, 0)]
SECOND = [word("good", 1.0, 1), word("day", 3.0, 1)]


def merged(harness: WorkerHarness, transcripts: Any) -> Json:
    payload = {"transcripts": transcripts, "transcript_id": TRANSCRIPT_ID}
    return harness.completed("merge_transcripts", payload)


@pytest.mark.parametrize(
    "transcripts",
    [
        [{"words": FIRST}, {"words": SECOND}],
        [{"words": SECOND}, {"words": FIRST}],
        {"transcribe_track_0": {"words": FIRST}, "transcribe_track_1": {"words": SECOND}},
        {"transcribe_track_1": {"words": SECOND}, "transcribe_track_0": {"words": FIRST}},
    ],
    ids=["list", "list, other way round", "map", "map, other way round"],
)
def test_words_come_in_the_order_they_were_spoken(harness: WorkerHarness, transcripts: Any) -> None:
    output = merged(harness, transcripts)

    assert [word["word"] for word in output["all_words"]] == ["hello", "good", "there", "day"]
    assert [word["speaker"] for word in output["all_words"]] == [0, 1, 0, 1]
    assert output["word_count"] == 4


def test_words_that_start_together_are_ordered_by_speaker(harness: WorkerHarness) -> None:
    tracks = {f"transcribe_track_{n}": {"words": [word(f"w{n}", 1.0, n)]} for n in (10, 2, 0, 1)}

    output = merged(harness, tracks)

    assert [word["speaker"] for word in output["all_words"]] == [0, 1, 2, 10]


@pytest.mark.parametrize("transcripts", [[], {}, [{"words": []}], {"t_0": {"words": []}}])
def test_nobody_speaking_is_an_empty_timeline(harness: WorkerHarness, transcripts: Any) -> None:
    assert merged(harness, transcripts) == {"all_words": [], "word_count": 0}


def test_the_words_reach_the_row_and_the_event(harness: WorkerHarness) -> None:
    output = merged(harness, [{"words": SECOND}, {"words": FIRST}])

    assert harness.transcript().words == output["all_words"]
    assert harness.events("TRANSCRIPT") == [{"text": "hello good there day", "translation": None}]


def test_a_meeting_of_a_hundred_thousand_words_keeps_all_of_them(harness: WorkerHarness) -> None:
    tracks = {
        f"transcribe_track_{n}": {"words": [word(f"w{i}", i * 0.1, n) for i in range(10_000)]}
        for n in random.Random(0).sample(range(10), 10)
    }

    output = merged(harness, tracks)

    keys = [(word["start"], word["speaker"]) for word in output["all_words"]]
    assert output["word_count"] == len(keys) == 100_000
    assert keys == sorted(keys)


def test_a_transcript_that_is_not_there_is_final(harness: WorkerHarness) -> None:
    with pytest.raises(PermanentError):
        merge_transcripts(harness.context, transcripts=[], transcript_id="nowhere")


@pytest.mark.parametrize(
    "transcripts", [None, "words", [{}], [{"words": [{"text": "hello", "start": 0}]}], [None]]
)
def test_what_are_no_transcripts_is_refused(harness: WorkerHarness, transcripts: Any) -> None:
    payload = {"transcripts": transcripts, "transcript_id": TRANSCRIPT_ID}

    outcome = harness.execute("merge_transcripts", payload)

    assert outcome.status == "FAILED_WITH_TERMINAL_ERROR"
    assert str(outcome.reason).startswith("merge_transcripts: input at /transcripts")


spoken = st.lists(
    st.tuples(st.floats(0, 1e5), st.integers(0, 63), st.text(min_size=1, max_size=3)), max_size=20
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tracks=st.lists(spoken, max_size=5), seed=st.integers(0, 9))
def test_no_order_of_branches_changes_the_timeline(
    harness: WorkerHarness, tracks: list[list[tuple[float, int, str]]], seed: int
) -> None:
    branches = [
        {"words": [word(text, start, speaker) for start, _, text in track]}
        for speaker, track in enumerate(tracks)
    ]
    numbered = [(f"transcribe_track_{n}", branch) for n, branch in enumerate(branches)]
    shuffled = dict(random.Random(seed).sample(numbered, len(numbered)))

    in_order = merge_transcripts(harness.context, transcripts=branches, transcript_id=TRANSCRIPT_ID)
    by_map = merge_transcripts(harness.context, transcripts=shuffled, transcript_id=TRANSCRIPT_ID)

    assert by_map == in_order
    starts = [one["start"] for one in in_order["all_words"]]
    assert starts == sorted(starts)
    assert len(starts) == sum(map(len, tracks))

"""Clauses of contracts/tasks/merge_transcripts.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.harness import Harness

TASK = "merge_transcripts"

Word = dict[str, Any]


def word(text: str, start: float, speaker: int, end: float | None = None) -> Word:
    return {"word": text, "start": start, "end": end or start + 0.1, "speaker": speaker}


TRACKS = {
    # 10.0 comes before 2.0 as text; "long" ends after all others; two pairs start together.
    0: [word("one", 0.5, 0), word("long", 1.0, 0, end=9.0), word("ten", 10.0, 0)],
    1: [word("two", 2.0, 1), word("both", 3.0, 1)],
    2: [word("zero", 0.25, 2), word("both", 3.0, 2), word("late", 11.5, 2)],
}
SORTED = ["zero", "one", "long", "two", "both", "both", "ten", "late"]
ORDERS = [(0, 1, 2), (2, 1, 0), (1, 2, 0)]


def branches(order: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any]:
    """Return the words as a JOIN gives them, in some order."""
    return {
        f"transcribe_track_{index}": {"words": TRACKS[index], "track_index": index}
        for index in order
    }


def merged(harness: Harness, transcripts: Any) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(TASK, transcripts=transcripts, transcript_id=meeting.transcript_id)


def words_of(run: TaskRun) -> list[Word]:
    return run.output.get("all_words") or []


@pytest.mark.clause("merge_transcripts.all-words")
@pytest.mark.parametrize("as_list", [False, True])
def test_every_word_is_there_once_and_counted(as_list: bool, harness: Harness) -> None:
    given = branches()

    run = merged(harness, list(given.values()) if as_list else given)

    wanted = sorted(str(one) for words in TRACKS.values() for one in words)
    expect(sorted(map(str, words_of(run))), "words").equals(wanted)
    expect(run.output.get("word_count"), "word_count").equals(len(wanted))


@pytest.mark.clause("merge_transcripts.all-words")
def test_no_words_at_all_are_no_failure(harness: Harness) -> None:
    run = merged(harness, {"transcribe_track_0": {"words": [], "track_index": 0}})

    expect(run.output, "output").equals({"all_words": [], "word_count": 0})


@pytest.mark.clause("merge_transcripts.sorted")
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_the_words_are_sorted_whatever_the_order_of_the_branches(
    order: tuple[int, ...], harness: Harness
) -> None:
    run = merged(harness, branches(order))

    expect([one.get("word") for one in words_of(run)], "order").equals(SORTED)
    together = [one.get("speaker") for one in words_of(run) if one.get("start") == 3.0]
    expect(together, "speakers of words that start together").equals([1, 2])


@pytest.mark.clause("merge_transcripts.speakers")
def test_every_word_keeps_its_speaker(harness: Harness) -> None:
    run = merged(harness, branches((2, 0, 1)))

    spoken = {(one.get("word"), one.get("start"), one.get("speaker")) for one in words_of(run)}
    expect(spoken, "who said what").equals(
        {(one["word"], one["start"], one["speaker"]) for words in TRACKS.values() for one in words}
    )


@pytest.mark.clause("merge_transcripts.event")
def test_transcript_is_told_with_the_whole_text(harness: Harness) -> None:
    run = merged(harness, branches())

    told = run.emitted("TRANSCRIPT")
    expect(len(told), "TRANSCRIPT events").equals(1)
    expect(told[0].get("text"), "text").equals(" ".join(SORTED))


@pytest.mark.clause("merge_transcripts.stored-event")
def test_the_event_is_stored_with_its_transcript(harness: Harness) -> None:
    run = merged(harness, branches())

    texts = [data.get("text") for data in run.emitted("TRANSCRIPT")]
    expect(texts, "stored texts").holds(all(texts) and bool(texts), "one that is not empty")


@pytest.mark.clause("merge_transcripts.large-meeting")
def test_the_words_of_many_hours_are_merged_like_few(harness: Harness) -> None:
    tracks = {
        f"transcribe_track_{index}": {
            "words": [
                word(f"w{index}-{place}", at := place + index / 16, index, end=at + 0.0625)
                for place in range(2_000)
            ],
            "track_index": index,
        }
        for index in reversed(range(10))
    }

    run = merged(harness, tracks)

    expect(run.statuses, "attempts").equals(["COMPLETED"])
    expect(run.output.get("word_count"), "word_count").equals(20_000)
    found = [one.get("word") for one in words_of(run)]
    expect(len(found), "words").equals(20_000)
    wanted = [f"w{index}-{place}" for place in range(2_000) for index in range(10)]
    expect(found == wanted, "every word once and in order").equals(True)

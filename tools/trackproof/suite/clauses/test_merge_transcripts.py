"""Clauses of contracts/tasks/merge_transcripts.yaml."""

from __future__ import annotations

from typing import Any

import pytest

from trackproof.runs.task_run import TaskRun
from trackproof.suite.assertions import expect
from trackproof.suite.clauses.odd_texts import ODD_TEXTS
from trackproof.suite.harness import Harness

TASK = "merge_transcripts"

Word = dict[str, Any]


def make_word(text: str, start: float, speaker: int, end: float | None = None) -> Word:
    return {"word": text, "start": start, "end": end or start + 0.1, "speaker": speaker}


TRACKS = {
    # As text 10.0 precedes 2.0; "long" ends after all others; two words start together.
    0: [make_word("one", 0.5, 0), make_word("long", 1.0, 0, end=9.0), make_word("ten", 10.0, 0)],
    1: [make_word("two", 2.0, 1), make_word("both", 3.0, 1)],
    2: [make_word("zero", 0.25, 2), make_word("both", 3.0, 2), make_word("late", 11.5, 2)],
}
SORTED = ["zero", "one", "long", "two", "both", "both", "ten", "late"]
ORDERS = [(0, 1, 2), (2, 1, 0), (1, 2, 0)]


def join_output(order: tuple[int, ...] = (0, 1, 2)) -> dict[str, Any]:
    """Return the transcribed tracks as a JOIN does, in the given order."""
    return {
        f"transcribe_track_{index}": {"words": TRACKS[index], "track_index": index}
        for index in order
    }


def merge(harness: Harness, transcripts: Any) -> TaskRun:
    meeting = harness.meeting()
    return harness.run_task(TASK, transcripts=transcripts, transcript_id=meeting.transcript_id)


def place(word: Word) -> tuple[float, int]:
    return float(word.get("start", 0)), int(word.get("speaker", 0))


def words_of(run: TaskRun) -> list[Word]:
    return run.output.get("all_words") or []


@pytest.mark.clause("merge_transcripts.all-words")
@pytest.mark.parametrize("as_list", [False, True])
def test_every_word_is_merged_once_and_counted(as_list: bool, harness: Harness) -> None:
    tracks = join_output()

    run = merge(harness, list(tracks.values())[::-1] if as_list else tracks)

    expected = sorted((word for words in TRACKS.values() for word in words), key=place)
    expect(sorted(words_of(run), key=place), "words").has(expected)
    expect(run.output.get("word_count"), "word_count").equals(len(expected))


@pytest.mark.clause("merge_transcripts.all-words")
def test_tracks_without_words_complete(harness: Harness) -> None:
    run = merge(harness, {"transcribe_track_0": {"words": [], "track_index": 0}})

    expect(run.output, "output").has({"all_words": [], "word_count": 0})


@pytest.mark.clause("merge_transcripts.sorted")
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_words_are_sorted_for_every_order_of_branches(
    order: tuple[int, ...], harness: Harness
) -> None:
    run = merge(harness, join_output(order))

    expect([word.get("word") for word in words_of(run)], "order of the words").equals(SORTED)
    simultaneous = [word.get("speaker") for word in words_of(run) if word.get("start") == 3.0]
    expect(simultaneous, "speakers of the words that start together").equals([1, 2])


@pytest.mark.clause("merge_transcripts.speakers")
def test_every_word_keeps_its_speaker(harness: Harness) -> None:
    run = merge(harness, join_output((2, 0, 1)))

    merged = {(word.get("word"), word.get("start"), word.get("speaker")) for word in words_of(run)}
    expect(merged, "word, start and speaker of each word").equals(
        {
            (word["word"], word["start"], word["speaker"])
            for words in TRACKS.values()
            for word in words
        }
    )


@pytest.mark.clause("merge_transcripts.stored")
@pytest.mark.parametrize("earlier", [0, len(SORTED)])
def test_merged_words_are_stored(earlier: int, harness: Harness) -> None:
    """Whatever number of words an earlier run stored."""
    words = [make_word("old", 11.5, 2, end=11.6) for _ in range(earlier)]
    columns: dict[str, Any] = {"words": words} if words else {}
    meeting = harness.meeting(**columns)
    run = harness.run_task(TASK, transcripts=join_output(), transcript_id=meeting.transcript_id)

    expect(len(words_of(run)), "number of words").equals(len(SORTED))
    stored = run.transcript.get("words") or []
    fields = ("word", "start", "end", "speaker")
    expect(
        [[word.get(name) for name in fields] for word in stored], "words in the transcript row"
    ).equals([[word.get(name) for name in fields] for word in words_of(run)])


@pytest.mark.clause("merge_transcripts.event")
def test_transcript_is_emitted_with_the_whole_text(harness: Harness) -> None:
    run = merge(harness, join_output())

    events = run.emitted("TRANSCRIPT")
    expect(len(events), "number of TRANSCRIPT events").equals(1)
    expect(str(events[0].get("text")).split(), "words of the text").equals(SORTED)
    expect(events[0].get("translation"), "translation").equals(None)


@pytest.mark.clause("merge_transcripts.stored-event")
def test_event_is_stored_with_its_transcript(harness: Harness) -> None:
    run = merge(harness, join_output())

    texts = [data.get("text") for data in run.emitted("TRANSCRIPT")]
    expect(texts, "texts of the TRANSCRIPT events").holds(
        all(texts) and bool(texts), "at least one, none empty"
    )


@pytest.mark.clause("merge_transcripts.large-meeting")
def test_20_000_words_are_merged_in_order(harness: Harness) -> None:
    tracks = {
        f"transcribe_track_{index}": {
            "words": [
                make_word(f"w{index}-{nth}", start := nth + index / 16, index, end=start + 0.0625)
                for nth in range(2_000)
            ],
            "track_index": index,
        }
        for index in reversed(range(10))
    }

    run = merge(harness, tracks)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output.get("word_count"), "word_count").equals(20_000)
    merged = [word.get("word") for word in words_of(run)]
    expect(len(merged), "number of words").equals(20_000)
    expected = [f"w{index}-{nth}" for nth in range(2_000) for index in range(10)]
    expect(merged == expected, "words are the expected ones in order").equals(True)


@pytest.mark.clause("merge_transcripts.exact-words")
def test_words_of_every_kind_are_merged_unchanged(harness: Harness) -> None:
    # Some fleets keep whole milliseconds.
    odd = [make_word(text, round(1 + n / 7, 3), 0) for n, text in enumerate(ODD_TEXTS)]
    repeated = [make_word("yes", 2.0, 1) for _ in range(3)]
    phrase = [
        make_word(text, round(100 + n / 3, 3), 1) for n, text in enumerate(["thank", "you"] * 5)
    ]
    simultaneous = [make_word(f"s{one}", 2.0, one) for one in (11, 2, 10, 9)]
    zero = [{"word": "zero", "start": 0, "end": 0, "speaker": 12}]
    long = [make_word("w" * 65_536, 172_800.123, 13, end=172_800.234)]
    branches = {
        f"transcribe_track_{nth}": {"words": words, "track_index": words[0]["speaker"]}
        for nth, words in enumerate(
            [odd, repeated + phrase, *([s] for s in simultaneous), zero, long]
        )
    }
    # A millisecond apart, the later speaker first; and white space within a word.
    close = [make_word("second  two\tthree", 50.002, 4), make_word("first\nline", 50.001, 5)]
    for nth, word in enumerate(close):
        branches[f"transcribe_track_{40 + nth}"] = {"words": [word], "track_index": 4 + nth}
    branches["transcribe_track_63"] = {"words": [], "track_index": 63}
    expected = sorted((w for one in branches.values() for w in one["words"]), key=place)

    run = merge(harness, branches)

    expect(words_of(run), "all_words").equals(expected)
    expect(run.output.get("word_count"), "word_count").equals(len(expected))
    expect(run.transcript.get("words"), "words in the transcript row").equals(expected)
    texts = [data.get("text") for data in run.emitted("TRANSCRIPT")]
    expect(texts, "texts of TRANSCRIPT").equals([" ".join(one["word"] for one in expected)])


@pytest.mark.clause("merge_transcripts.exact-words")
@pytest.mark.parametrize("transcripts", [{}, [], [{"words": []}]], ids=str)
def test_a_meeting_without_words_replaces_earlier_ones(transcripts: Any, harness: Harness) -> None:
    meeting = harness.meeting(words=[make_word("old", 1.0, 0)])

    run = harness.run_task(TASK, transcripts=transcripts, transcript_id=meeting.transcript_id)

    expect(run.statuses, "attempt statuses").equals(["COMPLETED"])
    expect(run.output, "output").has({"all_words": [], "word_count": 0})
    expect(run.transcript.get("words") or [], "words in the transcript row").equals([])
    expect([one.get("text") for one in run.emitted("TRANSCRIPT")], "texts").equals([""])

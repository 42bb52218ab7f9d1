from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from fixtures_audio.loudness import Loudness
from trackproof.runs.comparison import Side, compare, text_similarity

ROW: dict[str, Any] = {
    "title": "Budget and tides",
    "long_summary": "# Budget\n\nThe team spoke about the budget of the year.",
    "short_summary": "They spoke about money.",
    "topics": [
        {"title": "Budget", "summary": "Money & more", "timestamp": 0.5, "duration": 60.0},
        {"title": "Tides", "summary": "", "timestamp": 60.5, "duration": 3.0},
    ],
    "words": [
        {"word": "hello", "start": 0.5, "end": 0.9, "speaker": 0},
        {"word": "hello", "start": 0.5, "end": 0.9, "speaker": 1},
        {"word": "tides", "start": 60.5, "end": 61.0, "speaker": 1},
    ],
    "duration": 63.5,
}
AUDIO = Loudness(63.5, -20.0)
EVENTS = ("STATUS", "DURATION", "WAVEFORM", "TRANSCRIPT", "TOPIC", "FINAL_TITLE")
LEFT = Side("legacy", ROW, EVENTS, audio=AUDIO)


def changed(path: str, value: Any) -> Side:
    row = deepcopy(ROW)
    place: Any = row
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        place = place[step]
    place[last] = value
    return Side("conductor", row, EVENTS, audio=AUDIO)


def fields(right: Side, **options: Any) -> list[str]:
    return [one.field for one in compare(LEFT, right, **options).differences]


def test_equal_results_have_no_difference() -> None:
    progress = ("PIPELINE_PROGRESS", *EVENTS, "STATUS")

    comparison = compare(LEFT, Side("conductor", deepcopy(ROW), progress, audio=AUDIO))

    assert comparison.verdict == "EQUAL"
    assert comparison.not_compared == ()
    assert comparison.differences == ()


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        ("title", "Tides", "title"),
        ("title", None, "title"),
        ("long_summary", "", "long_summary"),
        ("short_summary", "They spoke.", "short_summary"),
        ("topics", [], "topic_count"),
        ("topics", None, "topic_count"),
        ("topics.0.title", "Budgets", "topics[0].title"),
        ("topics.0.summary", "Money &amp; more", "topics[0].summary"),
        ("topics.1.timestamp", 61.0, "topics[1].timestamp"),
        ("topics.1.duration", None, "topics[1].duration"),
        ("duration", 63.0, "duration"),
        ("duration", None, "duration"),
        ("words.0.word", "Hello", "words"),
        ("words.0.speaker", 2, "words"),
        ("words.2.start", 60.53, "words"),
        ("words.2.end", None, "words"),
        ("words.2.end", "61.0", "words"),
        ("words.2", "tides", "words"),
        ("duration", "63.5", "duration"),
    ],
)
def test_each_kind_of_difference_is_found(path: str, value: Any, field: str) -> None:
    assert fields(changed(path, value)) == [field]


def test_a_lost_word_is_named_with_its_speaker_and_time() -> None:
    count, words = compare(LEFT, changed("words", ROW["words"][:-1])).differences

    assert (count.field, count.left, count.right) == ("word_count", 3, 2)
    assert words.detail == "only legacy: 'tides' of speaker 1 at 60.5 s"


def test_swapped_speakers_of_one_word_at_one_time_are_equal_and_of_different_words_not() -> None:
    words = ROW["words"]

    assert fields(changed("words", [words[1], words[0], words[2]])) == []
    swapped = [{**words[0], "speaker": 1}, {**words[2], "speaker": 0}, words[1]]
    assert fields(changed("words", swapped)) == ["words"]


@pytest.mark.parametrize("events", [EVENTS[::-1], EVENTS[:-1], (*EVENTS, "TOPIC")])
def test_another_order_or_number_of_events_is_found(events: tuple[str, ...]) -> None:
    assert fields(Side("conductor", ROW, events)) == ["events"]


def test_parallel_steps_may_end_in_any_order() -> None:
    left = Side("legacy", ROW, ("TOPIC", "FINAL_TITLE", "FINAL_LONG_SUMMARY"))
    right = Side("conductor", ROW, ("TOPIC", "FINAL_LONG_SUMMARY", "FINAL_TITLE"))

    assert compare(left, right).equal


def test_words_and_topics_in_terms_that_nobody_translated_are_not_equal() -> None:
    row = {**ROW, "words": [{"text": "a", "t0": 1}], "topics": [{"heading": "b"}]}
    side = Side("legacy", row, EVENTS)

    fields = {one.field for one in compare(side, replace(side, name="conductor")).differences}

    assert fields == {"words", "topics[0].title"}


def test_no_events_on_both_sides_prove_nothing() -> None:
    assert fields(Side("conductor", ROW, EVENTS)) == []
    empty = Side("legacy", ROW, ())
    assert [one.field for one in compare(empty, empty).differences] == ["events"]


@pytest.mark.parametrize(
    ("right", "not_compared"),
    [
        (Side("new", ROW, None, audio=AUDIO), "events: not visible for new"),
        (Side("new", ROW, EVENTS), "audio duration and loudness: not visible for new"),
    ],
)
def test_what_one_side_does_not_expose_is_named_and_not_equal(
    right: Side, not_compared: str
) -> None:
    comparison = compare(LEFT, right)

    assert comparison.differences == ()
    assert comparison.not_compared == (not_compared,)
    assert comparison.verdict == "EQUAL IN PART"


@pytest.mark.parametrize(
    ("audio", "field"),
    [
        (Loudness(63.5, -20.6), "loudness"),
        (Loudness(63.5, -19.4), "loudness"),
        (Loudness(63.5, None), "loudness"),
        (Loudness(63.3, -20.0), "audio_duration"),
    ],
)
def test_another_loudness_or_length_of_the_mixdown_is_found(audio: Loudness, field: str) -> None:
    assert fields(replace(LEFT, name="conductor", audio=audio)) == [field]


def test_loudness_within_the_tolerance_is_equal_and_two_silences_are_not() -> None:
    assert fields(replace(LEFT, audio=Loudness(63.55, -20.4))) == []
    silent = replace(LEFT, audio=Loudness(63.5, None))
    assert [one.field for one in compare(silent, silent).differences] == ["loudness"]


def test_steps_of_both_pipelines_stand_side_by_side() -> None:
    left = replace(LEFT, steps={"pad_track_0": 1.5, "finalize": 0.5})
    right = replace(LEFT, steps={"finalize": 0.25, "join": 0.1})

    comparison = compare(left, right)

    assert comparison.steps == [
        ("pad_track_0", 1.5, None),
        ("finalize", 0.5, 0.25),
        ("join", None, 0.1),
    ]
    assert comparison.as_json()["left"]["steps"]["pad_track_0"] == 1.5


@pytest.mark.parametrize("row", [{}, {**dict.fromkeys(ROW), "words": [], "topics": []}])
def test_nothing_on_both_sides_is_never_equal(row: dict[str, Any]) -> None:
    comparison = compare(Side("legacy", row), Side("conductor", row))

    assert {one.field for one in comparison.differences} == {*ROW}
    assert all("nothing was compared" in one.detail for one in comparison.differences)


def test_texts_of_an_llm_may_differ_up_to_the_threshold() -> None:
    right = changed("long_summary", "# Budget\n\nThe team talked about the budget of this year.")

    share = text_similarity(ROW["long_summary"], right.row["long_summary"])
    assert 0.7 < share < 1
    assert fields(right, similarity=share) == []
    [difference] = compare(LEFT, right, similarity=share + 0.01).differences
    assert "similarity" in difference.detail
    assert fields(right) == ["long_summary"]


def test_tolerance_for_texts_is_none_for_words_and_missing_texts() -> None:
    assert fields(changed("words.0.word", "hallo"), similarity=0.1) == ["words"]
    assert fields(changed("title", ""), similarity=0.0) == ["title"]


def test_many_words_are_compared_quickly_and_counted() -> None:
    words = [
        {"word": f"w{n}", "start": n * 0.3, "end": n * 0.3 + 0.2, "speaker": n % 3}
        for n in range(20_000)
    ]
    left = replace(LEFT, row={**ROW, "words": words})
    right = replace(LEFT, row={**ROW, "words": [*words[:100], *words[110:]]})

    count, lost = compare(left, right).differences

    assert (count.left, count.right) == (20_000, 19_990)
    assert lost.detail.endswith("and 5 more")

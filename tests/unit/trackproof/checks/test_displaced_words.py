from __future__ import annotations

from trackproof.checks.displaced_words import describe_displaced
from trackproof.checks.word_matching import TimedWord, match


def described(spoken: list[tuple[int, str, float]], observed: list[tuple[str, float]]) -> list[str]:
    track_of = {text: track for track, text, _ in spoken}
    result = match(
        [TimedWord(text, start) for _, text, start in spoken],
        [TimedWord(text, start) for text, start in observed],
    )
    return describe_displaced(result, lambda text: track_of[str(text)])


def test_words_in_place_give_no_text() -> None:
    assert described([(0, "a", 1.0)], [("a", 1.01)]) == []


def test_a_lost_pause_names_its_track_and_the_time() -> None:
    spoken = [(0, "a", 1.0), (1, "b", 1.0), (1, "c", 4.0), (1, "d", 5.0)]

    texts = described(spoken, [("a", 1.0), ("b", 1.0), ("c", 2.5), ("d", 3.5)])

    assert texts == ["track 1: 2 words 1.500 s early from 4.000 s on"]


def test_lost_and_late_words_are_separate_groups() -> None:
    spoken = [(2, "a", 1.0), (2, "b", 2.0), (0, "c", 3.0)]

    texts = described(spoken, [("b", 2.25)])

    assert texts == [
        "track 0: 1 word lost from 3.000 s on",
        "track 2: 1 word lost from 1.000 s on",
        "track 2: 1 word 0.250 s late from 2.000 s on",
    ]


def test_a_repeated_word_is_found_once() -> None:
    texts = described([(0, "a", 1.0), (0, "a", 2.0)], [("a", 1.5)])

    assert texts == [
        "track 0: 1 word 0.500 s late from 1.000 s on",
        "track 0: 1 word lost from 2.000 s on",
    ]

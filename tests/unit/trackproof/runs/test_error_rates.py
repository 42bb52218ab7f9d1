from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures_audio import make_meeting
from trackproof.runs.error_rates import (
    ErrorRateLimits,
    ErrorRates,
    SpeakerWord,
    measure,
    transcript_words,
    truth_words,
)

TRUTH = [SpeakerWord(index % 2, f"word{index}", index / 2) for index in range(20)]
COLLAR = 0.5


def rates(
    transcript: list[SpeakerWord], truth: list[SpeakerWord] = TRUTH
) -> tuple[float, float, float]:
    result = measure(truth, transcript, COLLAR)
    return result.words, result.speakers, result.times


@pytest.mark.parametrize(
    ("transcript", "expected"),
    [
        pytest.param(TRUTH, (0, 0, 0), id="perfect"),
        pytest.param(TRUTH[::-1], (0, 0, 0), id="in another order"),
        pytest.param([], (1, 1, 1), id="empty"),
        pytest.param(TRUTH[1:], (1 / 20, 1 / 20, 1 / 20), id="one deletion"),
        pytest.param(
            [*TRUTH, SpeakerWord(0, "more", 9.9)], (1 / 20, 1 / 20, 1 / 20), id="one insertion"
        ),
        pytest.param(
            [SpeakerWord(0, "else", 0.0), *TRUTH[1:]],
            (1 / 20, 1 / 20, 1 / 20),
            id="one substitution",
        ),
        pytest.param(
            [SpeakerWord(1, "word0", 0.0), *TRUTH[1:]],
            (0, 2 / 20, 2 / 20),
            id="one wrong speaker",
        ),
        pytest.param(
            [*TRUTH[:-1], SpeakerWord(1, "word19", 9.5 + COLLAR + 0.01)],
            (0, 0, 2 / 20),
            id="one outside the collar",
        ),
        pytest.param(
            [*TRUTH[:-1], SpeakerWord(1, "word19", 9.5 + COLLAR)], (0, 0, 0), id="within the collar"
        ),
        pytest.param(
            [SpeakerWord(word.speaker, word.text.upper(), word.start) for word in TRUTH],
            (0, 0, 0),
            id="in capitals",
        ),
    ],
)
def test_each_fault_counts_in_its_rates(
    transcript: list[SpeakerWord], expected: tuple[float, float, float]
) -> None:
    assert rates(transcript) == pytest.approx(expected)


def test_words_in_a_silent_meeting_are_errors() -> None:
    assert rates(TRUTH, truth=[]) == (20, 20, 20)
    assert rates([], truth=[]) == (0, 0, 0)


def test_a_word_counts_once_whatever_its_characters() -> None:
    for text in ("", " ", "two words", "tab\tand\nline", "שלום", "_"):
        truth = [SpeakerWord(0, text, 0.0), *TRUTH[1:]]

        assert rates(truth, truth) == (0, 0, 0)
        assert rates(TRUTH[1:], truth) == pytest.approx((1 / 20, 1 / 20, 1 / 20))


@given(st.lists(st.sampled_from(range(20)), unique=True))
def test_every_missing_word_counts_once_in_every_rate(lost: list[int]) -> None:
    transcript = [word for index, word in enumerate(TRUTH) if index not in lost]

    assert rates(transcript) == pytest.approx((len(lost) / 20,) * 3)


def test_the_truth_itself_has_no_errors() -> None:
    meeting = make_meeting(tracks=4, seconds=12, seed=3)
    words: list[dict[str, Any]] = [
        {"word": word.text, "start": word.start, "end": word.end, "speaker": word.track_index}
        for word in meeting.truth()
    ]

    result = measure(truth_words(meeting), transcript_words(words), COLLAR)

    assert result == ErrorRates(0, 0, 0)


@pytest.mark.parametrize("word", [{}, {"word": "a", "speaker": None, "start": 0}, "word"])
def test_a_malformed_word_is_an_error(word: Any) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        transcript_words([word])


@pytest.mark.parametrize("rate", ["words", "speakers", "times"])
def test_each_rate_has_its_own_limit(rate: str) -> None:
    fair, poor = {"words": 0.1, "speakers": 0.1, "times": 0.1}, 0.11
    limits = ErrorRateLimits(words=0.1, speakers=0.1, times=0.1)

    assert ErrorRates(**fair).within(limits)
    assert not ErrorRates(**{**fair, rate: poor}).within(limits)
    assert "11.00% of 10%" in ErrorRates(**{**fair, rate: poor}).describe(limits)

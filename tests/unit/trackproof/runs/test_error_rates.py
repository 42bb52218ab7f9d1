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

TRUTH = [SpeakerWord(place % 2, f"word{place}", place / 2) for place in range(20)]
COLLAR = 0.5


def rates(found: list[SpeakerWord], truth: list[SpeakerWord] = TRUTH) -> tuple[float, float, float]:
    quality = measure(truth, found, COLLAR)
    return quality.words, quality.speakers, quality.times


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(TRUTH, (0, 0, 0), id="perfect"),
        pytest.param(TRUTH[::-1], (0, 0, 0), id="in another order, at the right times"),
        pytest.param([], (1, 1, 1), id="nothing"),
        pytest.param(TRUTH[1:], (1 / 20, 1 / 20, 1 / 20), id="one lost"),
        pytest.param(
            [*TRUTH, SpeakerWord(0, "more", 9.9)], (1 / 20, 1 / 20, 1 / 20), id="one too many"
        ),
        pytest.param(
            [SpeakerWord(0, "else", 0.0), *TRUTH[1:]], (1 / 20, 1 / 20, 1 / 20), id="one misheard"
        ),
        pytest.param(
            [SpeakerWord(1, "word0", 0.0), *TRUTH[1:]],
            (0, 2 / 20, 2 / 20),
            id="one by another speaker",
        ),
        pytest.param(
            [*TRUTH[:-1], SpeakerWord(1, "word19", 9.5 + COLLAR + 0.01)],
            (0, 0, 2 / 20),
            id="one at another time",
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
def test_each_fault_shows_in_the_rates_it_belongs_to(
    found: list[SpeakerWord], expected: tuple[float, float, float]
) -> None:
    assert rates(found) == pytest.approx(expected)


def test_words_where_nobody_spoke_are_errors() -> None:
    assert rates(TRUTH, truth=[]) == (20, 20, 20)
    assert rates([], truth=[]) == (0, 0, 0)


@pytest.mark.parametrize("text", ["", " ", "two words", "tab\tand\nline", "שלום", "_"])
def test_a_word_is_one_word_whatever_it_is_made_of(text: str) -> None:
    truth = [SpeakerWord(0, text, 0.0), *TRUTH[1:]]

    assert rates(truth, truth) == (0, 0, 0)
    assert rates(TRUTH[1:], truth) == pytest.approx((1 / 20, 1 / 20, 1 / 20))


@given(st.lists(st.sampled_from(range(20)), unique=True))
def test_every_lost_word_counts_once_in_every_rate(lost: list[int]) -> None:
    found = [word for place, word in enumerate(TRUTH) if place not in lost]

    assert rates(found) == pytest.approx((len(lost) / 20,) * 3)


def test_a_meeting_is_transcribed_perfectly_by_its_own_truth() -> None:
    meeting = make_meeting(tracks=4, seconds=12, seed=3)
    words: list[dict[str, Any]] = [
        {"word": word.text, "start": word.start, "end": word.end, "speaker": word.track_index}
        for word in meeting.truth()
    ]

    quality = measure(truth_words(meeting), transcript_words(words), COLLAR)

    assert quality == ErrorRates(0, 0, 0)


@pytest.mark.parametrize("word", [{}, {"word": "a", "speaker": None, "start": 0}, "word"])
def test_what_is_no_word_is_refused(word: Any) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        transcript_words([word])


@pytest.mark.parametrize("rate", ["words", "speakers", "times"])
def test_each_rate_has_a_limit_of_its_own(rate: str) -> None:
    fair, poor = {"words": 0.1, "speakers": 0.1, "times": 0.1}, 0.11
    limits = ErrorRateLimits(words=0.1, speakers=0.1, times=0.1)

    assert ErrorRates(**fair).within(limits)
    assert not ErrorRates(**{**fair, rate: poor}).within(limits)
    assert "11.00% of 10%" in ErrorRates(**{**fair, rate: poor}).describe(limits)

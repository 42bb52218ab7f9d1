from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackproof.checks.word_matching import Match, TimedWord, match

# Few words in a short time, so that the same word often repeats within the tolerance.
SPOKEN = st.lists(
    st.builds(TimedWord, st.sampled_from("abc"), st.integers(0, 2000).map(lambda ms: ms / 1000)),
    min_size=1,
    max_size=40,
)
APART = st.lists(st.integers(0, 200), min_size=1, max_size=40, unique=True).map(
    lambda tenths: [TimedWord("abc"[place % 3], place / 10) for place in tenths]
)
JITTER = st.integers(-19_999, 19_999).map(lambda microseconds: microseconds / 1_000_000)


@given(spoken=SPOKEN, data=st.data(), seed=st.integers())
def test_any_order_with_small_jitter_matches_completely(
    spoken: list[TimedWord], data: st.DataObject, seed: int
) -> None:
    heard = [TimedWord(word.identity, word.start + data.draw(JITTER)) for word in spoken]
    Random(seed).shuffle(heard)

    result = match(spoken, heard)

    assert result.complete
    assert result.matched == len(spoken) == len(result.errors_ms)
    assert max(result.errors_ms) < 20


@given(spoken=APART, data=st.data())
def test_a_missing_word_is_reported(spoken: list[TimedWord], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(spoken))

    result = match(spoken, [word for word in spoken if word != lost])

    assert result.missing == (lost,)
    assert result.surplus == ()
    assert result.matched == len(spoken) - 1


@given(spoken=APART, data=st.data())
def test_a_surplus_word_is_reported(spoken: list[TimedWord], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(spoken))

    result = match(spoken, [*spoken, twice])

    assert result.missing == ()
    assert result.surplus == (twice,)


@given(spoken=APART, data=st.data(), direction=st.sampled_from([-1, 1]))
def test_a_word_21_ms_off_is_missing_and_surplus(
    spoken: list[TimedWord], data: st.DataObject, direction: int
) -> None:
    place = data.draw(st.integers(0, len(spoken) - 1))
    moved = TimedWord(spoken[place].identity, spoken[place].start + direction * 0.021)

    result = match(spoken, [*spoken[:place], moved, *spoken[place + 1 :]])

    assert result.missing == (spoken[place],)
    assert result.surplus == (moved,)


@given(spoken=SPOKEN, heard=SPOKEN)
def test_every_word_is_accounted_for_once(spoken: list[TimedWord], heard: list[TimedWord]) -> None:
    result = match(spoken, heard)

    assert result.matched + len(result.missing) == len(spoken) == result.spoken
    assert result.matched + len(result.surplus) == len(heard)
    assert len(result.errors_ms) == result.matched


def test_a_word_repeated_within_the_tolerance_matches_twice() -> None:
    # The nearest to 1.000 is 1.001, but that one belongs to 1.010.
    result = match(
        [TimedWord("yes", 1.0), TimedWord("yes", 1.01)],
        [TimedWord("yes", 1.001), TimedWord("yes", 0.981)],
    )

    assert result.complete


@pytest.mark.parametrize("off", [0.02, -0.02, 0.0200000004])
def test_20_ms_match_despite_rounding(off: float) -> None:
    assert match([TimedWord("yes", 1.1)], [TimedWord("yes", 1.1 + off)]).complete


def test_the_tolerance_can_be_wider() -> None:
    result = match([TimedWord("yes", 1.0)], [TimedWord("yes", 1.5)], tolerance=1)

    assert result.errors_ms == (500.0,)


def test_another_identity_at_the_same_time_does_not_match() -> None:
    result = match([TimedWord((0, "yes"), 1.0)], [TimedWord((1, "yes"), 1.0)])

    assert result.missing == (TimedWord((0, "yes"), 1.0),)
    assert result.surplus == (TimedWord((1, "yes"), 1.0),)


def test_the_description_lists_the_first_misses() -> None:
    spoken = [TimedWord(word, place) for place, word in enumerate("abcde")]

    assert match(spoken, [TimedWord("a", 0.0), TimedWord("x", 9.0)]).describe() == (
        "1 of 5 words, each once; 4 missing: b at 1.000 s, c at 2.000 s, d at 3.000 s; "
        "1 surplus: x at 9.000 s"
    )


def test_the_description_of_a_complete_match_has_no_misses() -> None:
    assert match([TimedWord("a", 0)], [TimedWord("a", 0)]).describe() == "1 of 1 words, each once"


def test_the_99th_percentile_of_no_errors_is_0() -> None:
    assert Match(0, (), (), ()).p99_ms == 0
    assert Match(2, (), (), (1.0, 3.0)).p99_ms == pytest.approx(2.98)

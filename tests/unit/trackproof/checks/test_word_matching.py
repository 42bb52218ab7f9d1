from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackproof.checks.word_matching import Match, TimedWord, match

# Few words in little time, so that the same word often comes twice within the tolerance.
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
def test_any_order_with_little_jitter_matches_completely(
    spoken: list[TimedWord], data: st.DataObject, seed: int
) -> None:
    heard = [TimedWord(word.identity, word.start + data.draw(JITTER)) for word in spoken]
    Random(seed).shuffle(heard)

    found = match(spoken, heard)

    assert found.complete
    assert found.found == len(spoken) == len(found.errors_ms)
    assert max(found.errors_ms) < 20


@given(spoken=APART, data=st.data())
def test_a_word_that_is_lost_is_reported(spoken: list[TimedWord], data: st.DataObject) -> None:
    lost = data.draw(st.sampled_from(spoken))

    found = match(spoken, [word for word in spoken if word != lost])

    assert found.missing == (lost,)
    assert found.surplus == ()
    assert found.found == len(spoken) - 1


@given(spoken=APART, data=st.data())
def test_a_word_too_many_is_reported(spoken: list[TimedWord], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(spoken))

    found = match(spoken, [*spoken, twice])

    assert found.missing == ()
    assert found.surplus == (twice,)


@given(spoken=APART, data=st.data(), direction=st.sampled_from([-1, 1]))
def test_a_word_21_ms_off_is_missing_and_surplus(
    spoken: list[TimedWord], data: st.DataObject, direction: int
) -> None:
    place = data.draw(st.integers(0, len(spoken) - 1))
    moved = TimedWord(spoken[place].identity, spoken[place].start + direction * 0.021)

    found = match(spoken, [*spoken[:place], moved, *spoken[place + 1 :]])

    assert found.missing == (spoken[place],)
    assert found.surplus == (moved,)


@given(spoken=SPOKEN, heard=SPOKEN)
def test_every_word_is_accounted_for_once(spoken: list[TimedWord], heard: list[TimedWord]) -> None:
    found = match(spoken, heard)

    assert found.found + len(found.missing) == len(spoken) == found.spoken
    assert found.found + len(found.surplus) == len(heard)
    assert len(found.errors_ms) == found.found


def test_a_word_said_twice_in_a_breath_is_found_twice() -> None:
    # The nearest to 1.000 is 1.001, but that one belongs to 1.010.
    found = match(
        [TimedWord("yes", 1.0), TimedWord("yes", 1.01)],
        [TimedWord("yes", 1.001), TimedWord("yes", 0.981)],
    )

    assert found.complete


@pytest.mark.parametrize("off", [0.02, -0.02, 0.0200000004])
def test_20_ms_are_allowed_rounding_included(off: float) -> None:
    assert match([TimedWord("yes", 1.1)], [TimedWord("yes", 1.1 + off)]).complete


def test_a_wider_tolerance_is_kept() -> None:
    found = match([TimedWord("yes", 1.0)], [TimedWord("yes", 1.5)], tolerance=1)

    assert found.errors_ms == (500.0,)


def test_another_identity_at_the_same_time_is_no_match() -> None:
    found = match([TimedWord((0, "yes"), 1.0)], [TimedWord((1, "yes"), 1.0)])

    assert found.missing == (TimedWord((0, "yes"), 1.0),)
    assert found.surplus == (TimedWord((1, "yes"), 1.0),)


def test_the_first_misses_are_described_by_name() -> None:
    spoken = [TimedWord(word, place) for place, word in enumerate("abcde")]

    assert match(spoken, [TimedWord("a", 0.0), TimedWord("x", 9.0)]).describe() == (
        "1 of 5 words, each once; 4 missing: b at 1.000 s, c at 2.000 s, d at 3.000 s; "
        "1 surplus: x at 9.000 s"
    )


def test_a_complete_match_is_described_without_misses() -> None:
    assert match([TimedWord("a", 0)], [TimedWord("a", 0)]).describe() == "1 of 1 words, each once"


def test_the_99th_percentile_of_no_errors_is_0() -> None:
    assert Match(0, (), (), ()).p99_ms == 0
    assert Match(2, (), (), (1.0, 3.0)).p99_ms == pytest.approx(2.98)

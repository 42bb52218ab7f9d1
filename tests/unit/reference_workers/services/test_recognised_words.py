from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_workers.errors import TransientError
from reference_workers.services.recognised_words import recognised_words

Json = dict[str, Any]


def word(text: object, start: object = None, end: object = None) -> Json:
    return {"word": text, "start": start, "end": end}


def triples(words: list[Json]) -> list[tuple[str, float, float]]:
    return [
        (one["word"], round(one["start"], 3), round(one["end"], 3))
        for one in recognised_words({"words": words})
    ]


def test_a_word_without_times_stands_between_its_neighbours() -> None:
    # m-bain/whisperX#443, #559: numbers are not aligned.
    heard = [word("owe", 1.3, 1.5), {"word": "2026,"}, word("now", 2.4, 2.6)]

    assert triples(heard) == [("owe", 1.3, 1.5), ("2026,", 1.5, 2.4), ("now", 2.4, 2.6)]


def test_words_without_times_share_the_time_between_their_neighbours() -> None:
    heard = [word("a", 0, 1), word("b"), word("c"), word("d", 3, 4)]

    assert triples(heard)[1:3] == [("b", 1, 2), ("c", 2, 3)]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        ([word("a"), word("b", 2, 3)], [("a", 0, 2), ("b", 2, 3)]),
        ([word("a", 2, 3), word("b")], [("a", 2, 3), ("b", 3, 3)]),
        ([word("a"), word("b")], [("a", 0, 0), ("b", 0, 0)]),
        ([word("a", 5, 9), word("b"), word("c", 6, 7)], [("a", 5, 9), ("b", 6, 6), ("c", 6, 7)]),
        ([word("guys", 126.66, 102.96)], [("guys", 126.66, 126.66)]),
        ([word("hi", -0.02, 0.2)], [("hi", 0, 0.2)]),
        ([word("a", None, 4)], [("a", 4, 4)]),
        ([word("a", "1.5", "2")], [("a", 1.5, 2)]),
        ([word("b", 3, 4), word("a", 1, 2)], [("a", 1, 2), ("b", 3, 4)]),
        ([word("hi\ud83d", 1, 2)], [("hi\N{REPLACEMENT CHARACTER}", 1, 2)]),
        ([word("a\x00b ", 1, 2)], [("ab", 1, 2)]),
        ([word(" \x07", 1, 2)], []),
        ([word(None, 0, 1), word("a", 1, 2), "text", None], [("a", 1, 2)]),
        ([], []),
    ],
)
def test_unusable_times_and_texts(heard: list[Any], expected: list[Any]) -> None:
    assert triples(heard) == expected


@pytest.mark.parametrize("words", [None, "hello", {}, [None], [{"text": "wrong key"}], [word(5)]])
def test_an_answer_without_words_is_an_error(words: Any) -> None:
    with pytest.raises(TransientError, match="words"):
        recognised_words({"words": words})


TIMES = st.one_of(st.none(), st.floats(), st.integers(), st.text(max_size=3), st.booleans())


@given(
    st.lists(
        st.fixed_dictionaries(
            {"word": st.text(min_size=1)}, optional={"start": TIMES, "end": TIMES}
        )
    )
)
def test_every_word_gets_valid_times_in_order(heard: list[Json]) -> None:
    words = recognised_words({"words": heard})

    assert all(0 <= one["start"] <= one["end"] for one in words)
    assert all(a["start"] <= b["start"] for a, b in itertools.pairwise(words))
    assert len(words) <= len(heard)
    "".join(one["word"] for one in words).encode()  # no lone surrogates

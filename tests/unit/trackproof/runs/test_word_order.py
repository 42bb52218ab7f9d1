"""A prompt has its words in their order, however the fleet formats it."""

from __future__ import annotations

import json
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.examples import examples
from trackproof.runs.word_order import WordText, texts_of

WORDS = ["one", "Two", "n1", "n10", "cafe\u0301", "don't"]


@pytest.mark.parametrize(
    "text",
    [
        "one Two n1 n10 café don't",
        "ONE TWO N1 N10 CAFÉ DON'T",
        "Speaker 0: one\nSpeaker 1:\t*Two* **n1**, [00:01] n10; café - don't!",
        "<p>one</p><p>Two n1 n10 caf&eacute; don&#39;t</p>",
        json.dumps([{"word": word, "start": 0.5} for word in WORDS]),
        json.dumps(" ".join(WORDS)),
        "one one Two Two n1 n1 n10 n10 café café don't don't",
    ],
)
def test_words_are_found_in_their_order(text: str) -> None:
    assert WordText(text).has(WORDS)
    assert WordText(text).has(" ".join(WORDS))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "one Two n1 n10 café",
        "Two one n1 n10 café don't",
        "one Two n10 n10 café don't",
        "oneTwo n1 n10 café don't",
        "one Two n1n10 café don't",
    ],
)
def test_lost_joined_or_displaced_word_is_not_found(text: str) -> None:
    assert not WordText(text).has(WORDS)


def test_scripts_without_spaces_may_be_joined() -> None:
    assert WordText("山田太郎です").has(["山田", "太郎"])
    assert not WordText("山田太郎です").has(["太郎", "山田"])
    assert WordText('{"a": "\\ud83e\\udd89 \\u05d0\\u05d1"}').has(["🦉", "אב"])


def test_phrase_has_its_words_in_order() -> None:
    assert WordText("All  of it,\nat length.").has(["All of it, at length."])
    assert not WordText("All of it").has(["it of All"])


def test_punctuation_may_be_escaped_or_marked_up() -> None:
    text = WordText("<b>All</b> of it<br/>, <i>at length</i>\\. \U0001f989 snake\\_case")

    assert text.has("All of it, at length. \U0001f989 snake_case")
    assert not text.has("All of it at length \U0001f40d")


def test_words_of_one_text_do_not_span_two() -> None:
    assert not WordText("begin", "ning").has(["beginning"])


def test_every_text_of_a_request_is_read() -> None:
    request = {"messages": [{"content": [{"type": "text", "text": "one"}]}, {"content": "two"}]}

    assert list(texts_of(request)) == ["text", "one", "two"]


LETTERS = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=8)
BETWEEN = st.sampled_from([" ", "\n", "\t", ", ", " **", "</b> <b>", "\nSpeaker 1: ", "\u00a0"])


@examples(30)
@given(words=st.lists(LETTERS, min_size=1, max_size=12), data=st.data())
def test_any_words_are_found_in_any_format(words: list[str], data: st.DataObject) -> None:
    form: Literal["NFC", "NFD"] = data.draw(st.sampled_from(["NFC", "NFD"]))
    text = "".join(
        data.draw(BETWEEN) + unicodedata.normalize(form, word) for word in ["begin", *words]
    )

    assert WordText(text).has(words)
    assert WordText(json.dumps(text)).has(words)


@examples(30)
@given(count=st.integers(2, 40), data=st.data())
def test_any_lost_word_is_noticed(count: int, data: st.DataObject) -> None:
    words = [f"wordn{index}" for index in range(count)]
    lost = data.draw(st.integers(0, count - 1))

    assert not WordText(" ".join(words[:lost] + words[lost + 1 :])).has(words)

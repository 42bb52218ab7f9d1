from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_workers.webvtt import to_webvtt
from tests.unit.reference_workers.worker_harness import word


def test_a_turn_is_a_cue_with_the_speakers_name() -> None:
    spoken = [word("hello", 0.0, 0), word("there", 1.0, 0), word("hi", 2.0, 1)]

    assert to_webvtt(spoken, {0: "Ada", 1: None}) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.100\n<v Ada>hello there\n\n"
        "00:00:02.000 --> 00:00:02.100\n<v Speaker 1>hi\n"
    )


def test_without_words_the_file_has_no_cues() -> None:
    assert to_webvtt([], {}) == "WEBVTT\n"


@pytest.mark.parametrize(
    ("seconds", "clock"),
    [
        (0.0, "00:00:00.000"),
        (0.0004, "00:00:00.000"),
        (0.9996, "00:00:01.000"),
        (59.9996, "00:01:00.000"),
        (3599.9996, "01:00:00.000"),
        (3661.5, "01:01:01.500"),
        (360_000.0, "100:00:00.000"),
    ],
)
def test_times_are_rounded_with_carry(seconds: float, clock: str) -> None:
    assert to_webvtt([word("a", seconds)], {}).splitlines()[2].startswith(f"{clock} --> ")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Tom & Jerry", "Tom &amp; Jerry"),
        ("</v><b>", "&lt;/v&gt;&lt;b&gt;"),
        ("a\nb", "a b"),
        ("00:00 --> 00:01", "00:00 --&gt; 00:01"),
        ("李小龍", "李小龍"),
        ("", "Speaker 0"),
        (" ", "Speaker 0"),
        ("\n\t", "Speaker 0"),
    ],
)
def test_names_are_escaped(name: str, shown: str) -> None:
    assert to_webvtt([word("hello", 0)], {0: name}).splitlines()[3] == f"<v {shown}>hello"


def test_a_cue_ends_with_the_word_that_ends_last() -> None:
    spoken = [{**word("long", 0.0), "end": 9.0}, word("short", 1.0)]

    assert "00:00:00.000 --> 00:00:09.000" in to_webvtt(spoken, {})


_CUE = re.compile(
    r"\d{2,}:[0-5]\d:[0-5]\d\.\d{3} --> \d{2,}:[0-5]\d:[0-5]\d\.\d{3}\n<v [^<>\n]+>[^<>\n]*"
)


@settings(max_examples=25, deadline=None)
@given(
    spoken=st.lists(
        st.tuples(st.text(max_size=10), st.floats(0, 1e6), st.integers(0, 3)), max_size=10
    ),
    names=st.dictionaries(st.integers(0, 3), st.none() | st.text(max_size=10)),
)
def test_cues_of_any_words_and_names_are_valid(
    spoken: list[tuple[str, float, int]], names: dict[int, str | None]
) -> None:
    words = [word(text, start, speaker) for text, start, speaker in spoken]

    text = to_webvtt(words, names)

    head, *cues = text.removesuffix("\n").split("\n\n")
    turns = sum(1 for n, w in enumerate(words) if n == 0 or w["speaker"] != words[n - 1]["speaker"])
    assert head == "WEBVTT"
    assert len(cues) == turns
    assert all(_CUE.fullmatch(cue) for cue in cues)


def test_a_cue_ends_after_it_starts() -> None:
    spoken = [{"word": "2026", "start": 1.0, "end": 1.0, "speaker": 0}]

    assert "00:00:01.000 --> 00:00:01.001\n" in to_webvtt(spoken, {})

"""What follows from a list of words: its order, its groups, and the texts of a transcription."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import pairwise
from typing import Any, Final

from trackproof.contracts.load import load_contracts
from trackproof.runs.equality import same_value
from trackproof.testbed.stand_ins.ledger import Request, parse_json

Word = Mapping[str, Any]

MILLISECOND: Final = 0.001_000_1
"""The precision of times, in seconds, that every fleet keeps."""


def is_sorted(words: Sequence[Word]) -> bool:
    """Return whether words are in the order of start, then speaker."""
    places = [(word["start"], word["speaker"]) for word in words]
    return all(one <= other for one, other in pairwise(places))


def are_same(words: Sequence[Word], others: Sequence[Word]) -> bool:
    """Return whether two lists have the same words, in any order; a fleet may keep milliseconds."""
    pairs = zip(_in_one_order(words), _in_one_order(others), strict=False)
    return len(words) == len(others) and all(
        same_value([one["word"], one["speaker"]], [other["word"], other["speaker"]])
        and abs(one["start"] - other["start"]) <= MILLISECOND
        and abs(one["end"] - other["end"]) <= MILLISECOND
        for one, other in pairs
    )


def _in_one_order(words: Sequence[Word]) -> list[Word]:
    return sorted(
        words,
        key=lambda word: (
            unicodedata.normalize("NFC", word["word"]),
            *(word["speaker"], word["start"], word["end"]),
        ),
    )


def topic_groups(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    """Yield each group of words that is one call to the LLM and has topics of its own."""
    size = int(load_contracts().tasks["detect_topics"].constants["words_per_call"])
    yield from (words[first : first + size] for first in range(0, len(words), size))


def topic_spans(words: Sequence[Word]) -> Iterator[tuple[float, float]]:
    """Yield start and duration in seconds of each group of words."""
    for group in topic_groups(words):
        start = group[0]["start"]
        yield start, max(word["end"] for word in group) - start


def transcribed_texts(requests: Sequence[Request]) -> list[str] | None:
    """Return the texts in the last answer of the transcription service, without blank ones.

    None if no answer is known to have reached the fleet, or a text has nothing but characters that
    a store refuses.
    """
    last = requests[-1] if requests else None
    if last is None or last.status != HTTPStatus.OK:
        return None
    answer = parse_json(last.response)
    entries = answer.get("words") if isinstance(answer, dict) else None
    if not isinstance(entries, list):
        return None
    texts = [one["word"] for one in entries if isinstance(one, dict) and "word" in one]
    texts = [one for one in texts if isinstance(one, str) and one.strip()]
    return texts if all(map(_has_printable, texts)) else None


def _has_printable(text: str) -> bool:
    return any(unicodedata.category(one)[0] not in "CZ" for one in text)

"""Words as speech recognisers deliver them, made into words with usable times.

Recognisers leave out the times of what they cannot align ("2026,"), end words before they start,
start them before the audio and repeat themselves. No such word costs a meeting, and none that was
spoken is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from reference_workers.errors import TransientError
from reference_workers.text import clean_text

log = structlog.get_logger()


@dataclass(slots=True)
class _Word:
    text: str
    start: float | None
    """Seconds of the audio, 0 or later; None if unknown."""
    end: float | None
    """Seconds, not before `start`; None if unknown."""


def recognised_words(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return `[{word, start, end}]` in the order of `start`.

    Blank words and entries that are not words are dropped, the latter with a log line. A negative
    time becomes 0. A word without a time stands between its neighbours; untimed words next to each
    other share the time between theirs evenly. An end before the start becomes the start.

    Raises:
        TransientError: There is no list of words, or none of its entries is a word.
    """
    entries = answer.get("words")
    if not isinstance(entries, list):
        raise TransientError("transcription: the answer has no list `words`")
    found = [word for entry in entries if (word := _word(entry)) is not None]
    if dropped := len(entries) - len(found):
        if not found:
            raise TransientError("transcription: no entry of `words` has a text in `word`")
        log.warning("entries that are not words were dropped", count=dropped)
    words = [word for word in found if word.text]
    _fill_times(words)
    listed = [{"word": word.text, "start": word.start, "end": word.end} for word in words]
    return sorted(listed, key=lambda word: word["start"])


def _word(entry: object) -> _Word | None:
    text = entry.get("word") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(text, str):
        return None
    start, end = _time(entry.get("start")), _time(entry.get("end"))
    if start is not None and end is not None:
        end = max(start, end)
    return _Word(clean_text(text).strip(), start, end)


def _time(value: object) -> float | None:
    """Return a time in seconds, at least 0; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _fill_times(words: Sequence[_Word]) -> None:
    """Give each word a start and an end."""
    for word in words:  # one known time is enough
        if word.start is None:
            word.start = word.end
    index = 0
    while index < len(words):
        if words[index].start is not None:
            index += 1
            continue
        last = index
        while last < len(words) and words[last].start is None:
            last += 1
        _spread(words[index:last], *_gap(words, index, last))
        index = last
    for word in words:
        if word.end is None:
            word.end = word.start


def _gap(words: Sequence[_Word], first: int, after: int) -> tuple[float, float]:
    """Return the time between the neighbours of `words[first:after]`."""
    before = words[first - 1] if first else _Word("", 0.0, 0.0)
    earliest = before.start or 0.0
    start = before.end or earliest
    end = words[after].start if after < len(words) else None
    if end is None:
        return start, start
    end = max(earliest, end)
    return min(start, end), end


def _spread(words: Sequence[_Word], start: float, end: float) -> None:
    step = (end - start) / len(words)
    for number, word in enumerate(words):
        word.start = start + number * step
        word.end = start + (number + 1) * step

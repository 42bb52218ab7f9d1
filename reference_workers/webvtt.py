"""WebVTT captions, one cue for each turn of a speaker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any


def to_webvtt(words: Sequence[Mapping[str, Any]], names: Mapping[int, str | None]) -> str:
    """Return WebVTT text; `names` maps a speaker to an untrusted name, which is escaped."""
    turns = (list(turn) for _, turn in groupby(words, key=lambda word: word["speaker"]))
    return "\n\n".join(["WEBVTT", *(_cue(turn, names) for turn in turns)]) + "\n"


def _cue(turn: Sequence[Mapping[str, Any]], names: Mapping[int, str | None]) -> str:
    speaker = turn[0]["speaker"]
    # A blank name falls back to the speaker's number.
    name = _escaped([names.get(speaker) or ""]) or f"Speaker {speaker}"
    start = round(turn[0]["start"] * 1000)
    # A cue must end after it starts; words without a recognised time have no length.
    end = max(start + 1, *(round(word["end"] * 1000) for word in turn))
    return f"{_clock(start)} --> {_clock(end)}\n<v {name}>{_escaped(word['word'] for word in turn)}"


def _escaped(texts: Iterable[str]) -> str:
    joined = " ".join(" ".join(texts).split())
    return joined.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(milliseconds: int) -> str:
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"

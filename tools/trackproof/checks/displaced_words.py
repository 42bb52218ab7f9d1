"""Where the missing words of a track went: lost, or early or late by the same time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from itertools import groupby

from trackproof.checks.word_matching import Match, TimedWord

SAME_SECONDS = 0.02
"""Words of one track whose displacement differs by less belong together."""


def describe_displaced(result: Match, track_of: Callable[[Hashable], int]) -> list[str]:
    """Return one text for each group of missing words of a track, in order of track and time.

    Args:
        result: A match of spoken words with observed ones.
        track_of: Returns the track_index of a spoken word's identity.
    """
    surplus: dict[Hashable, list[float]] = defaultdict(list)
    for word in result.surplus:
        surplus[word.identity].append(word.start)
    by_track: dict[int, list[TimedWord]] = defaultdict(list)
    for word in sorted(result.missing, key=lambda word: word.start):
        by_track[track_of(word.identity)].append(word)
    return [
        f"track {track}: {text}"
        for track, words in sorted(by_track.items())
        for text in _groups((word, _shift(word, surplus[word.identity])) for word in words)
    ]


def _shift(word: TimedWord, starts: list[float]) -> float | None:
    """Take the nearest observed start of a word; return how much later it is, None if lost."""
    if not starts:
        return None
    nearest = min(starts, key=lambda start: abs(start - word.start))
    starts.remove(nearest)
    return nearest - word.start


def _groups(shifted: Iterable[tuple[TimedWord, float | None]]) -> Iterable[str]:
    def bucket(pair: tuple[TimedWord, float | None]) -> int | None:
        return None if pair[1] is None else round(pair[1] / SAME_SECONDS)

    for _, group in groupby(shifted, bucket):
        pairs = list(group)
        first, shift = pairs[0]
        count = "1 word" if len(pairs) == 1 else f"{len(pairs)} words"
        if shift is None:
            yield f"{count} lost from {first.start:.3f} s on"
        else:
            where = f"{abs(shift):.3f} s {'late' if shift > 0 else 'early'}"
            yield f"{count} {where} from {first.start:.3f} s on"

"""Matching of spoken words with detected or transcribed ones."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

TOLERANCE_SECONDS = 0.020
"""Maximum distance of a word from its true start."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with its start time; `identity` is everything else that must match."""

    identity: Hashable
    start: float
    """Seconds from the meeting's start."""

    @property
    def name(self) -> str:
        """The word in a message, with its track if that is part of the identity."""
        match self.identity:
            case (track, text):
                return f"{text} of track {track}"
            case _:
                return str(self.identity)


@dataclass(frozen=True, slots=True)
class Match:
    """The result of matching observed words with spoken ones."""

    spoken: int
    missing: tuple[TimedWord, ...]
    surplus: tuple[TimedWord, ...]
    errors_ms: tuple[float, ...]
    """Distance of each matched word from its true start, in ms."""

    @property
    def complete(self) -> bool:
        """Whether every spoken word matched once and no observed word is left over."""
        return not self.missing and not self.surplus

    @property
    def matched(self) -> int:
        """Number of spoken words with a match."""
        return self.spoken - len(self.missing)

    @property
    def p99_ms(self) -> float:
        """99th percentile of the errors, in ms."""
        return float(np.percentile(self.errors_ms, 99)) if self.errors_ms else 0.0

    def describe(self) -> str:
        """Return the counts and the first misses in one line."""
        return "; ".join([f"{self.matched} of {self.spoken} words, each once", *self.misses()])

    def misses(self) -> list[str]:
        """Return one text for missing and one for surplus words, with the first of each."""
        texts = []
        for kind, words in (("missing", self.missing), ("surplus", self.surplus)):
            if words:
                first = ", ".join(f"{word.name} at {word.start:.3f} s" for word in words[:3])
                texts.append(f"{len(words)} {kind}: {first}")
        return texts


def match(
    spoken: Iterable[TimedWord],
    observed: Iterable[TimedWord],
    *,
    tolerance: float = TOLERANCE_SECONDS,
) -> Match:
    """Pair spoken words with observed ones of the same identity, in time order.

    Each spoken word takes the earliest observed word within `tolerance` seconds. That leaves the
    most candidates for later words, even if the same word is repeated within the tolerance.
    """
    reach = tolerance + 1e-6  # for rounding errors of milliseconds as floats
    candidates: dict[Hashable, deque[float]] = defaultdict(deque)
    for word in sorted(observed, key=lambda word: word.start):
        candidates[word.identity].append(word.start)
    missing, surplus, errors = [], [], []
    truth = sorted(spoken, key=lambda word: word.start)
    for word in truth:
        starts = candidates[word.identity]
        while starts and starts[0] < word.start - reach:
            surplus.append(TimedWord(word.identity, starts.popleft()))
        if starts and starts[0] <= word.start + reach:
            errors.append(abs(starts.popleft() - word.start) * 1000)
        else:
            missing.append(word)
    surplus += [
        TimedWord(identity, start) for identity, left in candidates.items() for start in left
    ]
    return Match(len(truth), tuple(missing), tuple(surplus), tuple(errors))

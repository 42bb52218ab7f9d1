"""Find spoken words again among heard ones."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

TOLERANCE_SECONDS = 0.020
"""How far a word may be from the truth."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A word at its time: `identity` is all of it but the time."""

    identity: Hashable
    start: float
    """Seconds from the meeting's start."""


@dataclass(frozen=True, slots=True)
class Match:
    """How well the heard words are the spoken ones."""

    spoken: int
    missing: tuple[Timed, ...]
    surplus: tuple[Timed, ...]
    errors_ms: tuple[float, ...]
    """Distance of each word found from its truth, in ms."""

    @property
    def complete(self) -> bool:
        """Whether every word was found, once, and no other."""
        return not self.missing and not self.surplus

    @property
    def found(self) -> int:
        """How many spoken words were found."""
        return self.spoken - len(self.missing)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of the errors, in ms."""
        return float(np.percentile(self.errors_ms, 99)) if self.errors_ms else 0.0

    def describe(self) -> str:
        """Return what was found, with the first misses by name."""
        return "; ".join([f"{self.found} of {self.spoken} words, each once", *self.misses()])

    def misses(self) -> list[str]:
        """Return what is missing and what is surplus, the first of each by name."""
        told = []
        for kind, words in (("missing", self.missing), ("surplus", self.surplus)):
            if words:
                first = ", ".join(f"{word.identity} at {word.start:.3f} s" for word in words[:3])
                told.append(f"{len(words)} {kind}: {first}")
        return told


def match(
    spoken: Iterable[Timed], heard: Iterable[Timed], *, tolerance: float = TOLERANCE_SECONDS
) -> Match:
    """Pair spoken words with heard ones of the same identity, in time order.

    The earliest heard word within `tolerance` seconds is taken: that leaves as many as possible
    for the words to come, also where the same word is said twice in a breath.
    """
    # A hair beyond the tolerance: floats of milliseconds do not add up exactly.
    reach = tolerance + 1e-6
    waiting: dict[Hashable, deque[float]] = defaultdict(deque)
    for word in sorted(heard, key=lambda word: word.start):
        waiting[word.identity].append(word.start)
    missing, surplus, errors = [], [], []
    truth = sorted(spoken, key=lambda word: word.start)
    for word in truth:
        starts = waiting[word.identity]
        while starts and starts[0] < word.start - reach:
            surplus.append(Timed(word.identity, starts.popleft()))
        if starts and starts[0] <= word.start + reach:
            errors.append(abs(starts.popleft() - word.start) * 1000)
        else:
            missing.append(word)
    surplus += [Timed(identity, start) for identity, left in waiting.items() for start in left]
    return Match(len(truth), tuple(missing), tuple(surplus), tuple(errors))

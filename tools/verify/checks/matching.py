"""Find spoken words again among heard ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
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
        text = f"{self.found} of {self.spoken} words, each once"
        for kind, words in (("missing", self.missing), ("surplus", self.surplus)):
            if words:
                first = ", ".join(f"{word.identity} at {word.start:.3f} s" for word in words[:3])
                text += f"; {len(words)} {kind}: {first}"
        return text


def match(spoken: Iterable[Timed], heard: Iterable[Timed]) -> Match:
    """Pair each spoken word with the nearest heard one of the same identity, in time order."""
    waiting: dict[Hashable, list[float]] = defaultdict(list)
    for word in sorted(heard, key=lambda word: word.start):
        waiting[word.identity].append(word.start)
    missing, errors = [], []
    truth = sorted(spoken, key=lambda word: word.start)
    for word in truth:
        nearest = _nearest(waiting[word.identity], word.start)
        if nearest is None:
            missing.append(word)
        else:
            errors.append(abs(waiting[word.identity].pop(nearest) - word.start) * 1000)
    surplus = [Timed(identity, start) for identity, left in waiting.items() for start in left]
    return Match(len(truth), tuple(missing), tuple(surplus), tuple(errors))


def _nearest(starts: Sequence[float], wanted: float) -> int | None:
    """Return the place of the start nearest to `wanted`, if it is within tolerance."""
    if not starts:
        return None
    place = min(range(len(starts)), key=lambda index: abs(starts[index] - wanted))
    # A hair beyond the tolerance: floats of milliseconds do not add up exactly.
    return place if abs(starts[place] - wanted) <= TOLERANCE_SECONDS + 1e-6 else None

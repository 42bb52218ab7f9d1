"""Where exactly a known word stands: to a fraction of a sample, where the ear hears to 1 ms."""

from __future__ import annotations

import numpy as np

from fixtures_audio.tones import Samples, word_samples

_REACH = 240
"""Samples (5 ms) a word may be off; a wave of the lowest band is 120 long."""

_LIKENESS = 0.25
"""Of what sounds, the part that is the word: half of it for one of four at once."""


def word_delay_samples(samples: Samples, *, band: int, word_id: int, at: int) -> float:
    """How many samples later than `at` a word stands in mono audio at 48 kHz; early is negative.

    Raises:
        ValueError: The word is not within 5 ms of there, or something louder sounds with it.
    """
    word = word_samples(band, word_id)
    begins = at - _REACH
    heard = np.zeros(word.size + 2 * _REACH, dtype=np.float64)
    first, last = max(0, begins), min(samples.size, begins + heard.size)
    heard[first - begins : last - begins] = samples[first:last]
    likeness = np.correlate(heard, word.astype(np.float64), mode="valid")
    best = int(likeness.argmax())
    energy = float(np.sum(heard[best : best + word.size] ** 2))
    alike = float(likeness[best]) / max(1e-12, float(np.sqrt(energy * np.sum(word**2))))
    if alike < _LIKENESS or best in {0, 2 * _REACH}:
        raise ValueError(f"no word {word_id} of band {band} within 5 ms of sample {at}")
    before, here, after = likeness[best - 1 : best + 2]
    return best - _REACH + float(0.5 * (before - after) / (before - 2 * here + after))

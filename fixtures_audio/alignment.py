"""Sub-sample position of a known word, by cross-correlation; the word detector resolves 1 ms."""

from __future__ import annotations

import numpy as np

from fixtures_audio.tones import Samples, word_samples

_REACH = 240
"""Search range in samples (5 ms) on either side; one period of the lowest band is 120 samples."""

_MIN_CORRELATION = 0.25
"""Normalised; one of four simultaneous words of equal level correlates at 0.5."""


def word_delay_samples(samples: Samples, *, band: int, word_id: int, at: int) -> float:
    """Return the delay of a word relative to sample `at`; negative if early.

    Args:
        samples: Mono audio at 48 kHz.
        band: The band of the word's track.
        word_id: 0 to 255.
        at: The expected first sample of the word.

    Raises:
        ValueError: The word is not within 5 ms of `at`, or louder sound masks it.
    """
    word = word_samples(band, word_id)
    begin = at - _REACH
    window = np.zeros(word.size + 2 * _REACH, dtype=np.float64)
    first, last = max(0, begin), min(samples.size, begin + window.size)
    window[first - begin : last - begin] = samples[first:last]
    correlation = np.correlate(window, word.astype(np.float64), mode="valid")
    peak = int(correlation.argmax())
    energy = float(np.sum(window[peak : peak + word.size] ** 2))
    normalised = float(correlation[peak]) / max(1e-12, float(np.sqrt(energy * np.sum(word**2))))
    if normalised < _MIN_CORRELATION or peak in {0, 2 * _REACH}:
        raise ValueError(f"no word {word_id} of band {band} within 5 ms of sample {at}")
    before, here, after = correlation[peak - 1 : peak + 2]
    return peak - _REACH + float(0.5 * (before - after) / (before - 2 * here + after))

"""Synthesis of words: each word is two bursts of 40 ms, each burst one of 16 tones (16-FSK).

The high hex digit of the word id comes first. Tones are 25 Hz apart, so bursts of 40 ms are
orthogonal; raised-cosine edges keep a burst within its track's band.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fixtures_audio.bands import band_of, base_hz
from fixtures_audio.meeting import Track

Samples = NDArray[np.float32]

RATE_HZ = 48_000
BURST_SECONDS = 0.040
WORD_SECONDS = 2 * BURST_SECONDS
TONES = 16
TONE_STEP_HZ = 25

_EDGE_SECONDS = 0.006


def envelope(rate_hz: int) -> NDArray[np.float64]:
    """Return the amplitude envelope of a burst: 40 ms at 1 with raised-cosine edges."""
    count = round(BURST_SECONDS * rate_hz)
    edge = round(_EDGE_SECONDS * rate_hz)
    shape = np.ones(count)
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    shape[:edge] = rise
    shape[count - edge :] = rise[::-1]
    return shape


def word_samples(band: int, word_id: int) -> Samples:
    """Return a word at peak amplitude 1 and 48 kHz (3840 samples)."""
    high, low = divmod(word_id, TONES)
    return np.concatenate([_burst(band, high), _burst(band, low)])


def render(track: Track) -> Iterator[Samples]:
    """Yield a track's samples at 48 kHz in blocks of one second; gaps are zeros."""
    total = round(track.duration * RATE_HZ)
    band = band_of(track.index)
    tail = np.zeros(0, dtype=np.float32)
    following = 0
    for start in range(0, total, RATE_HZ):
        count = min(RATE_HZ, total - start)
        sounding = np.zeros(count + round(WORD_SECONDS * RATE_HZ), dtype=np.float32)
        sounding[: tail.size] = tail
        while following < len(track.words):
            word = track.words[following]
            at = round(word.start * RATE_HZ) - start
            if at >= count:
                break
            samples = word_samples(band, word.id)
            sounding[at : at + samples.size] += np.float32(track.level) * samples
            following += 1
        tail = sounding[count:]
        yield sounding[:count]


@cache
def _burst(band: int, digit: int) -> Samples:
    time = np.arange(round(BURST_SECONDS * RATE_HZ)) / RATE_HZ
    frequency_hz = base_hz(band) + TONE_STEP_HZ * digit
    burst = envelope(RATE_HZ) * np.sin(2 * np.pi * frequency_hz * time)
    return burst.astype(np.float32)

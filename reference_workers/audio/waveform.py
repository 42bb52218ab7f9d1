"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_workers.audio.decoding import RATE, frames, opened

PEAKS = 255
"""How many peaks a waveform has (seed TASK-006)."""

_GRAIN_SAMPLES = RATE // 1000


def peaks(source: str) -> list[float]:
    """Return the highest absolute sample, in any channel, of each 255th of `source`, from 0 to 1.

    Audio is read once, in flat memory: a peak is kept for each millisecond, then for each
    255th. Audio shorter than 255 ms repeats its nearest millisecond; no audio is silence.
    """
    with opened(source) as (container, stream):
        grains = [
            grain
            for frame in frames(container, stream)
            for grain in _grains(np.abs(frame.to_ndarray()).max(axis=0))
        ]
    if not grains:
        return [0.0] * PEAKS
    edges = np.linspace(0, len(grains), PEAKS + 1)
    starts = np.minimum(np.floor(edges[:-1]).astype(int), len(grains) - 1)
    ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
    levels = np.asarray(grains)
    drawn = [min(1.0, float(levels[a:b].max())) for a, b in zip(starts, ends, strict=True)]
    return [round(level, 4) for level in drawn]


def _grains(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    starts = np.arange(0, len(levels), _GRAIN_SAMPLES)
    return np.maximum.reduceat(levels, starts)

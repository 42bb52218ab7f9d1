"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_workers.audio.decoding import RATE, Samples, blocks
from reference_workers.audio.opening import opened

PEAKS = 255
"""How many peaks a waveform has (seed TASK-006)."""

_GRAIN_SAMPLES = RATE // 1000


def peaks(source: str) -> list[float]:
    """Return the highest absolute sample, in any channel, of each 255th of `source`, from 0 to 1.

    Audio is read once, in flat memory: a peak is kept for each millisecond, then for each
    255th. Audio shorter than 255 ms repeats its nearest millisecond.
    """
    with opened(source) as (container, stream):
        grains = [_grains(block) for block in blocks(container, stream)]
    highest = np.concatenate(grains)
    edges = np.linspace(0, highest.size, PEAKS + 1)
    starts = np.minimum(np.floor(edges[:-1]).astype(int), highest.size - 1)
    ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
    drawn = [min(1.0, float(highest[a:b].max())) for a, b in zip(starts, ends, strict=True)]
    return [round(level, 4) for level in drawn]


def _grains(block: Samples) -> NDArray[np.float32]:
    """Return the highest level of each millisecond; blocks hold whole ones, but for the last."""
    starts = np.arange(0, block.shape[1], _GRAIN_SAMPLES)
    return np.maximum.reduceat(np.abs(block).max(axis=0), starts)

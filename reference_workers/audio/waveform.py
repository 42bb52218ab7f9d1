"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from contracts.load import load_contracts
from reference_workers.audio.decoding import RATE, frames, opened

_WAVEFORM = load_contracts().tasks["generate_waveform"].output["$defs"]["waveform"]

PEAKS = int(_WAVEFORM["maxItems"])
"""How many peaks a waveform has."""

_GRAIN_SAMPLES = RATE // 1000


def peaks(source: str) -> list[float]:
    """Return the highest absolute sample, in any channel, of each PEAKS-th of `source`, 0 to 1.

    Audio is read once, in flat memory: a peak is kept for each millisecond, then for each
    part. Audio of fewer milliseconds repeats its nearest millisecond; no audio is silence.
    """
    with opened(source) as (container, stream):
        levels = (np.abs(frame.to_ndarray()).max(axis=0) for frame in frames(container, stream))
        grains = [grain for block in _grains(levels) for grain in block]
    if not grains:
        return [0.0] * PEAKS
    edges = np.linspace(0, len(grains), PEAKS + 1)
    starts = np.minimum(np.floor(edges[:-1]).astype(int), len(grains) - 1)
    ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
    highest = np.asarray(grains)
    drawn = [min(1.0, float(highest[a:b].max())) for a, b in zip(starts, ends, strict=True)]
    return [round(level, 4) for level in drawn]


def _grains(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield the highest level of each millisecond, on one grid over all blocks."""
    rest = np.zeros(0, dtype=np.float32)
    for block in blocks:
        levels = np.concatenate([rest, block])
        whole = len(levels) // _GRAIN_SAMPLES * _GRAIN_SAMPLES
        yield levels[:whole].reshape(-1, _GRAIN_SAMPLES).max(axis=1)
        rest = levels[whole:]
    if rest.size:
        yield rest.max(keepdims=True)

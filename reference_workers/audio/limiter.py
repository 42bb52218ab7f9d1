"""Keep a mix below full scale, and leave alone what never reaches it.

Where the sum of the tracks would clip, its gain goes down smoothly over 20 ms before the peak and
up again over 20 ms after it. Everywhere else the gain is 1 and the samples stay as they are, bit
for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from reference_workers.audio import RATE
from reference_workers.audio.decoder import Samples

CEILING = 32767 / 32768
"""The highest sample that 16 bits hold."""

_GRAIN = RATE // 1000
_REACH = 20
"""Grains (ms) over which the gain comes down, and goes up."""

_HELD = 2 * _REACH
"""Grains that must be known on both sides of one, to know its gain."""


def limit(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yield the same samples, none above the ceiling; each block comes late by 40 ms."""
    before: Samples | None = None  # decided; still shapes the gain of what follows
    waiting: Samples | None = None
    for block in blocks:
        waiting = block.copy() if waiting is None else np.concatenate([waiting, block], axis=1)
        ready = waiting.shape[1] // _GRAIN - _HELD
        if ready > 0:
            count = ready * _GRAIN
            yield _below_ceiling(before, waiting, count)
            before = _last(before, waiting[:, :count])
            waiting = waiting[:, count:]
    if waiting is not None and waiting.shape[1]:
        yield _below_ceiling(before, waiting, waiting.shape[1])


def _below_ceiling(before: Samples | None, samples: Samples, count: int) -> Samples:
    """Return the first `count` samples, knowing those before and after them."""
    known = samples if before is None else np.concatenate([before, samples], axis=1)
    if max(known.max(), -known.min()) <= CEILING:
        return samples[:, :count]
    first = known.shape[1] - samples.shape[1]
    gain = _gain(known)[first : first + count]
    return (samples[:, :count] * gain).astype(np.float32)


def _gain(samples: Samples) -> NDArray[np.float64]:
    """Return the gain at each sample: a straight line from each grain's edge to the next one's."""
    length = samples.shape[1]
    grains = -(-length // _GRAIN)
    peaks = np.zeros(grains * _GRAIN)
    peaks[:length] = np.abs(samples).max(axis=0)
    needed = np.minimum(1, CEILING / np.maximum(peaks.reshape(-1, _GRAIN).max(axis=1), 1e-9))
    window = np.lib.stride_tricks.sliding_window_view
    # The least gain within reach, then the mean of those: nowhere above what its grain needs.
    least = window(np.pad(needed, 2 * _REACH, constant_values=1), 2 * _REACH + 1).min(axis=1)
    edges = window(least, 2 * _REACH).mean(axis=1)
    gain: NDArray[np.float64] = np.interp(np.arange(length) / _GRAIN, np.arange(edges.size), edges)
    return gain


def _last(before: Samples | None, decided: Samples) -> Samples:
    known = decided if before is None else np.concatenate([before, decided], axis=1)
    return known[:, -_HELD * _GRAIN :]

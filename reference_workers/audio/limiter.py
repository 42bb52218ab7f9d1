"""Look-ahead limiter that keeps a mix below full scale.

Where the sum of the tracks would clip, the gain ramps down over 20 ms before the peak and up over
20 ms after it. Everywhere else the gain is 1 and the samples are unchanged, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from reference_workers.audio import RATE
from reference_workers.audio.decoder import Samples

CEILING = 32767 / 32768
"""The largest 16-bit sample."""

_GRAIN = RATE // 1000
_REACH = 20
"""Length of a ramp, in grains of 1 ms."""

_CONTEXT = 2 * _REACH
"""Grains of context on both sides that determine a grain's gain."""


def limit(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yield the samples limited to CEILING, with a look-ahead of 40 ms."""
    before: Samples | None = None  # already yielded; still affects the gain of the next samples
    pending: Samples | None = None
    for block in blocks:
        pending = block.copy() if pending is None else np.concatenate([pending, block], axis=1)
        ready = pending.shape[1] // _GRAIN - _CONTEXT
        if ready > 0:
            count = ready * _GRAIN
            yield _below_ceiling(before, pending, count)
            before = _tail(before, pending[:, :count])
            pending = pending[:, count:]
    if pending is not None and pending.shape[1]:
        yield _below_ceiling(before, pending, pending.shape[1])


def _below_ceiling(before: Samples | None, samples: Samples, count: int) -> Samples:
    """Return the first `count` samples limited, given those before and after them."""
    known = samples if before is None else np.concatenate([before, samples], axis=1)
    if max(known.max(), -known.min()) <= CEILING:
        return samples[:, :count]
    first = known.shape[1] - samples.shape[1]
    gain = _gain(known)[first : first + count]
    return (samples[:, :count] * gain).astype(np.float32)


def _gain(samples: Samples) -> NDArray[np.float64]:
    """Return the gain at each sample, linear between the grains' edges."""
    length = samples.shape[1]
    grains = -(-length // _GRAIN)
    peaks = np.zeros(grains * _GRAIN)
    peaks[:length] = np.abs(samples).max(axis=0)
    needed = np.minimum(1, CEILING / np.maximum(peaks.reshape(-1, _GRAIN).max(axis=1), 1e-9))
    window = np.lib.stride_tricks.sliding_window_view
    # The minimum within reach, then a moving average: never above the gain a grain needs.
    least = window(np.pad(needed, 2 * _REACH, constant_values=1), 2 * _REACH + 1).min(axis=1)
    edges = window(least, 2 * _REACH).mean(axis=1)
    gain: NDArray[np.float64] = np.interp(np.arange(length) / _GRAIN, np.arange(edges.size), edges)
    return gain


def _tail(before: Samples | None, samples: Samples) -> Samples:
    known = samples if before is None else np.concatenate([before, samples], axis=1)
    return known[:, -_CONTEXT * _GRAIN :]

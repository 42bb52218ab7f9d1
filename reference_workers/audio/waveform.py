"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from contracts.load import load_contracts
from reference_workers.audio.decoding import RATE, Samples, blocks
from reference_workers.audio.opening import opened

_WAVEFORM = load_contracts().tasks["generate_waveform"].output["$defs"]["waveform"]

PEAKS = int(_WAVEFORM["maxItems"])
"""How many peaks a waveform has."""


def peaks(source: str) -> list[float]:
    """Return the highest absolute sample, in any channel, of each PEAKS-th of `source`, 0 to 1.

    Part i of n samples begins at sample ⌊i·n / PEAKS⌋; where n is less, parts share samples.
    Audio is read in flat memory: once if its header states its length to the sample, as that of
    our mixdowns does, otherwise twice.
    """
    drawing = _drawn(source)
    if drawing.samples != drawing.expected:
        drawing = _drawn(source, drawing.samples)
    return drawing.levels()


def _stated_samples(container: InputContainer) -> int:
    return round(Fraction(container.duration or 0, av.time_base) * RATE)


def _drawn(source: str, samples: int | None = None) -> _Drawing:
    """Draw a source of so many samples; left out, of as many as its header states."""
    with opened(source) as (container, stream):
        if samples is None:
            samples = _stated_samples(container)
        drawing = _Drawing(samples)
        for block in blocks(container, stream):
            drawing.add(block)
    return drawing


class _Drawing:
    """Peaks of as many samples as are expected."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.samples = 0
        """As many as were added."""
        starts = np.arange(PEAKS) * expected // PEAKS
        self._starts, self._part_of_peak = np.unique(starts, return_inverse=True)
        self._highest = np.zeros(self._starts.size, dtype=np.float32)

    def add(self, block: Samples) -> None:
        """Draw the samples that follow."""
        level = _level(block)
        first = int(np.searchsorted(self._starts, self.samples, side="right")) - 1
        end = int(np.searchsorted(self._starts, self.samples + level.size, side="left"))
        begins = np.maximum(self._starts[first:end] - self.samples, 0)
        here = np.maximum.reduceat(level, begins)
        np.maximum(self._highest[first:end], here, out=self._highest[first:end])
        self.samples += level.size

    def levels(self) -> list[float]:
        """Return all peaks."""
        capped = np.minimum(self._highest, 1)[self._part_of_peak]
        return [round(float(level), 4) for level in capped]


def _level(block: Samples) -> NDArray[np.float32]:
    """Return the highest absolute value of each sample's channels."""
    level: NDArray[np.float32] = np.abs(block).max(axis=0)
    return level

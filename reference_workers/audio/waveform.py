"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from fractions import Fraction

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from contracts.load import load_contracts
from reference_workers.audio import RATE
from reference_workers.audio.decoding import block_frames
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
        for frame in block_frames(container, stream):
            drawing.add(frame)
    return drawing


class _Drawing:
    """Peaks of as many samples as are expected."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.samples = 0
        """As many as were added."""
        starts = np.arange(PEAKS) * expected // PEAKS
        distinct, self._part_of_peak = np.unique(starts, return_inverse=True)
        self._starts: list[int] = distinct.tolist()
        self._highest = np.zeros(distinct.size, dtype=np.float32)
        self._lowest = np.zeros(distinct.size, dtype=np.float32)

    def add(self, frame: AudioFrame) -> None:
        """Draw the samples that follow."""
        end = self.samples + frame.samples
        first = bisect_right(self._starts, self.samples) - 1
        last = bisect_left(self._starts, end)
        begins = [max(0, at - self.samples) for at in self._starts[first:last]]
        highest, lowest = self._highest[first:last], self._lowest[first:last]
        for channel in _channels(frame):
            np.maximum(highest, np.maximum.reduceat(channel, begins), out=highest)
            np.minimum(lowest, np.minimum.reduceat(channel, begins), out=lowest)
        self.samples = end

    def levels(self) -> list[float]:
        """Return all peaks."""
        levels = np.maximum(self._highest, np.abs(self._lowest))
        capped = np.minimum(levels, 1)[self._part_of_peak]
        return [round(float(level), 4) for level in capped]


def _channels(frame: AudioFrame) -> list[NDArray[np.float32]]:
    """Return a frame's channels where libav has them: to copy them would cost as much as to look.

    The stubs know a plane for a buffer from Python 3.12 on.
    """
    return [
        np.frombuffer(plane, np.float32, frame.samples)  # type: ignore[call-overload]
        for plane in frame.planes
    ]

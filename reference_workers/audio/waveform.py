"""Draw audio as a fixed number of peaks."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer
from numpy.typing import NDArray

from reference_workers import metrics
from reference_workers.audio import RATE
from reference_workers.audio.decoder import decode_block_frames
from reference_workers.audio.fast_decoder import decode_unchecked
from reference_workers.audio.media_input import open_audio
from trackproof.contracts.load import load_contracts

_WAVEFORM = load_contracts().tasks["generate_waveform"].output["$defs"]["waveform"]

PEAKS = int(_WAVEFORM["maxItems"])
"""How many peaks a waveform has."""


def compute_peaks(source: str) -> list[float]:
    """Return the highest absolute sample, in any channel, of each PEAKS-th of `source`, 0 to 1.

    Part i of n samples begins at sample ⌊i·n / PEAKS⌋; where n is less, parts share samples.
    Audio is read in flat memory: once if its header states its length to the sample, as that of
    our mixdowns does, otherwise again.

    Raises:
        PermanentError, TransientError: As `opened` and `decode_block_frames` do.
    """
    meter = _measure_stated(source)
    for _ in range(2):  # MP3s that state another length are first drawn without checks
        if meter.samples == meter.expected:
            break
        meter = _measure(source, meter.samples)
    return meter.levels()


def _stated_samples(container: InputContainer) -> int:
    return round(Fraction(container.duration or 0, av.time_base) * RATE)


def _measure_stated(source: str) -> _PeakMeter:
    """Draw a source of as many samples as its header states."""
    with open_audio(source) as (container, stream):
        meter = _PeakMeter(_stated_samples(container))
        if container.format.name != "mp3":
            return meter.add_all(decode_block_frames(container, stream))
        size = container.size
    # An MP3 knows no gaps: it is whole if all samples are there.
    meter.add_all(decode_unchecked(source))
    metrics.add_audio_bytes(size)
    metrics.add_audio_seconds(meter.samples / RATE)
    return meter


def _measure(source: str, samples: int) -> _PeakMeter:
    with open_audio(source) as (container, stream):
        return _PeakMeter(samples).add_all(decode_block_frames(container, stream))


class _PeakMeter:
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

    def add_all(self, frames: Iterable[AudioFrame]) -> Self:
        """Draw all that follows."""
        for frame in frames:
            self._add(frame)
        return self

    def _add(self, frame: AudioFrame) -> None:
        # Interleaved channels are looked at as one: which of them is louder does not matter.
        width = 1 if frame.format.is_planar else frame.layout.nb_channels
        end = self.samples + frame.samples
        first = bisect_right(self._starts, self.samples) - 1
        last = bisect_left(self._starts, end)
        begins = [max(0, at - self.samples) * width for at in self._starts[first:last]]
        highest, lowest = self._highest[first:last], self._lowest[first:last]
        for plane in _planes(frame, frame.samples * width):
            np.maximum(highest, np.maximum.reduceat(plane, begins), out=highest)
            np.minimum(lowest, np.minimum.reduceat(plane, begins), out=lowest)
        self.samples = end

    def levels(self) -> list[float]:
        """Return all peaks."""
        levels = np.maximum(self._highest, np.abs(self._lowest))
        capped = np.minimum(levels, 1)[self._part_of_peak]
        return [round(float(level), 4) for level in capped]


def _planes(frame: AudioFrame, samples: int) -> Iterator[NDArray[np.float32]]:
    """Yield a frame's samples where libav has them: to copy them would cost as much as to look.

    The stubs know a plane for a buffer from Python 3.12 on.
    """
    for plane in frame.planes:
        yield np.frombuffer(plane, np.float32, samples)  # type: ignore[call-overload]

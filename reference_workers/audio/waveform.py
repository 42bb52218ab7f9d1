"""Compute a fixed number of peaks from audio."""

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
"""Number of peaks in a waveform."""


def compute_peaks(source: str) -> list[float]:
    """Return the maximum absolute sample (0 to 1, over all channels) of PEAKS equal parts.

    Part i of n samples starts at sample ⌊i·n / PEAKS⌋; with fewer samples, parts share them.
    Audio is streamed in constant memory: once if its header declares the exact length, as our
    mixdowns do, otherwise again.

    Raises:
        PermanentError, TransientError: As `open_audio` and `decode_block_frames`.
    """
    meter = _measure_declared(source)
    for _ in range(2):  # an MP3 with a wrong declared length is first decoded without checks
        if meter.samples == meter.expected:
            break
        meter = _measure(source, meter.samples)
    return meter.levels()


def _declared_samples(container: InputContainer) -> int:
    return round(Fraction(container.duration or 0, av.time_base) * RATE)


def _measure_declared(source: str) -> _PeakMeter:
    """Measure a source, expecting the number of samples that its header declares."""
    with open_audio(source) as (container, stream):
        meter = _PeakMeter(_declared_samples(container))
        if container.format.name != "mp3":
            return meter.add_all(decode_block_frames(container, stream))
        size = container.size
    # An MP3 has no gaps: it is complete if it has the expected number of samples.
    meter.add_all(decode_unchecked(source))
    metrics.add_audio_bytes(size)
    metrics.add_audio_seconds(meter.samples / RATE)
    return meter


def _measure(source: str, samples: int) -> _PeakMeter:
    with open_audio(source) as (container, stream):
        return _PeakMeter(samples).add_all(decode_block_frames(container, stream))


class _PeakMeter:
    """Collects the peaks of an expected number of samples."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self.samples = 0
        """Number of samples added."""
        starts = np.arange(PEAKS) * expected // PEAKS
        distinct, self._part_of_peak = np.unique(starts, return_inverse=True)
        self._starts: list[int] = distinct.tolist()
        self._highest = np.zeros(distinct.size, dtype=np.float32)
        self._lowest = np.zeros(distinct.size, dtype=np.float32)

    def add_all(self, frames: Iterable[AudioFrame]) -> Self:
        """Add all samples of the frames."""
        for frame in frames:
            self._add(frame)
        return self

    def _add(self, frame: AudioFrame) -> None:
        # Interleaved channels are treated as one signal: only the maximum counts.
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
        """Return all peaks, 0 to 1."""
        levels = np.maximum(self._highest, np.abs(self._lowest))
        capped = np.minimum(levels, 1)[self._part_of_peak]
        return [round(float(level), 4) for level in capped]


def _planes(frame: AudioFrame, samples: int) -> Iterator[NDArray[np.float32]]:
    """Yield a frame's samples as views of libav's buffers, without copying.

    The type stubs declare a plane as a buffer only from Python 3.12 on.
    """
    for plane in frame.planes:
        yield np.frombuffer(plane, np.float32, samples)  # type: ignore[call-overload]

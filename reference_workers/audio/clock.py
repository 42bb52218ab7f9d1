"""Sample positions from the times of packets: gaps, jitter, drift and backward jumps.

A packet's time may be wrong for a moment (jitter of the network, whole milliseconds) or for good
(a gap, a sender whose clock is slow). Only what all packets of the next 200 ms agree on moves the
audio; so lateness never exceeds 5 ms, however long the track is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from reference_workers.audio import JITTER_SAMPLES, RATE

_AHEAD_FRAMES = 10
"""Frames that confirm a change of the clock: 200 ms of Opus."""

_Timed = tuple[AudioFrame, float | None, float]
"""A frame, its time in samples and its length in samples, both at RATE."""

_END = (None, None)


class Clock:
    """Converts a stream's times to sample positions relative to the first audible sample."""

    def __init__(self, stream: AudioStream, *, skipped: int) -> None:
        """`skipped`: samples between the first packet's time and the first audible sample."""
        self._skipped = skipped
        self._samples_a_tick = float((stream.time_base or 0) * RATE)
        self._origin: float | None = None
        self._latest: float | None = None
        self.last_end: int | None = None
        """Declared end of the last packet, in ticks; set by the reader of the packets."""

    def start_at(self, ticks: int) -> None:
        """Set the time of the first packet; later calls change nothing."""
        if self._origin is None:
            self._origin = ticks * self._samples_a_tick + self._skipped

    def positions(
        self, timed: Iterable[tuple[AudioFrame, int | None]]
    ) -> Iterator[tuple[AudioFrame, int, int]]:
        """Yield each frame with the position of its start, and how many samples to drop from it.

        The start is 0 for a frame that follows the one before.
        """
        ahead: deque[_Timed] = deque()
        reached = 0.0
        for frame, ticks in chain(timed, [_END] * _AHEAD_FRAMES):
            if frame is not None:
                time = None if ticks is None else ticks * self._samples_a_tick
                ahead.append((frame, time, frame.samples * RATE / frame.sample_rate))
            if ahead and (frame is None or len(ahead) > _AHEAD_FRAMES):
                shift = self._shift(ahead, reached)
                start = round(reached + shift) if shift > 0 else 0
                first, _, samples = ahead.popleft()
                reached += shift + samples
                yield first, start, max(0, -shift)

    def _shift(self, ahead: deque[_Timed], reached: float) -> int:
        time = ahead[0][1]
        if time is None:
            return 0
        if self._origin is None:
            self._origin = time
        previous, self._latest = self._latest, time
        early = time - self._origin - reached
        if abs(early) <= JITTER_SAMPLES or (not reached and early < 0):
            return 0
        others = list(self._deviations(ahead, reached))
        if early > 0:
            least = min(others)
            if least <= JITTER_SAMPLES:
                return 0
            return round(early if early - least <= JITTER_SAMPLES else least)
        if previous is not None and time < previous:
            self._origin += early  # a backward jump: the audio goes on where it is
            return 0
        return round(min(0.0, max(others))) if max(others) < -JITTER_SAMPLES else 0

    def _deviations(self, ahead: deque[_Timed], reached: float) -> Iterator[float]:
        """Yield by how many samples each of the next frames is early, up to a backward jump."""
        assert self._origin is not None
        latest = None
        for _, time, samples in ahead:
            if time is not None:
                if latest is not None and time < latest:
                    return
                yield time - self._origin - reached
                latest = time
            reached += samples

    @property
    def end(self) -> int:
        """The position of the last packet's declared end; 0 if none declares one."""
        if self.last_end is None or self._origin is None:
            return 0
        return round(self.last_end * self._samples_a_tick - self._origin)

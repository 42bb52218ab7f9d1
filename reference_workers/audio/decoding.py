"""Hand out decoded audio with sample-exact times.

WebM keeps times in whole milliseconds, and the first decoded frame is shifted by the
pre-skip, so frame times as libav gives them are off by up to a millisecond. Packet times
are exact on Opus' 20 ms grid: positions here are counted from them.
"""

from __future__ import annotations

from collections.abc import Iterator

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from reference_workers import metering
from reference_workers.audio import JITTER_SAMPLES, RATE
from reference_workers.audio.opening import failure, name_of, packets
from reference_workers.errors import PermanentError

Samples = NDArray[np.float32]
"""Floats, full scale 1, one row a channel."""

BLOCK_SAMPLES = RATE // 2
"""Samples in each block but the last. More would save no time, but cost memory for each track."""

_MISSING_SAMPLES = RATE // 2
"""So much less than its packets promise may be decoded from a track."""


def layout_of(stream: AudioStream) -> str:
    """Return the channel layout a stream is handed out in: mono as it is, all else as stereo."""
    return "mono" if stream.channels == 1 else "stereo"


def blocks(container: InputContainer, stream: AudioStream, *, lead: int = 0) -> Iterator[Samples]:
    """Return the track in blocks of BLOCK_SAMPLES, gaps as silence, after `lead` samples of it.

    Raises:
        PermanentError, TransientError: As `frames` does.
    """
    # Not a loop of our own: it would hold a frame for each of 64 tracks that wait to be asked.
    return map(_samples, block_frames(container, stream, lead=lead))


def _samples(frame: AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), np.float32)


def block_frames(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[AudioFrame]:
    """Yield what `blocks` does as libav holds it: nothing is copied.

    Raises:
        PermanentError, TransientError: As `frames` does.
    """
    layout = layout_of(stream)
    fifo = AudioFifo()
    written = 0
    for position, frame in frames(container, stream):
        while written < lead + position:
            silence = _silence(layout, min(BLOCK_SAMPLES, lead + position - written))
            fifo.write(silence)
            written += silence.samples
            if fifo.samples >= BLOCK_SAMPLES:
                yield _read(fifo, BLOCK_SAMPLES)
        frame.pts = None  # its place is known
        fifo.write(frame)
        written += frame.samples
        while fifo.samples >= BLOCK_SAMPLES:
            yield _read(fifo, BLOCK_SAMPLES)
    if fifo.samples:
        yield _read(fifo, fifo.samples)


def _silence(layout: str, samples: int) -> AudioFrame:
    shape = (1 if layout == "mono" else 2, samples)
    frame = AudioFrame.from_ndarray(np.zeros(shape, np.float32), format="fltp", layout=layout)
    frame.sample_rate = RATE
    return frame


def _read(fifo: AudioFifo, samples: int) -> AudioFrame:
    frame = fifo.read(samples)
    assert frame is not None
    return frame


def frames(container: InputContainer, stream: AudioStream) -> Iterator[tuple[int, AudioFrame]]:
    """Yield 48 kHz float frames, each with its place in samples from the first audible one.

    A jump between two frames is a gap in the packets (a muted participant). Times that jump
    back start a new clock: what follows goes on where the track has got to.

    Raises:
        PermanentError: The media is damaged, holds no audio, or less than its packets promise.
        TransientError: The connection is lost, or the audio ends before its declared end.
    """
    resampler = _resampler(stream)
    clock = _Clock(stream)
    position, silent = 0, 0
    try:
        for packet in packets(container, stream):
            for frame in packet.decode():
                begins = clock.position_of(packet, frame, reached=position)
                if begins > position:
                    # What the resampler still holds belongs before the gap.
                    for out in resampler.resample(None) if position else ():
                        yield position, out
                        position += out.samples
                    resampler = _resampler(stream)
                    silent += begins - position
                    position = begins
                for out in resampler.resample(frame):
                    yield position, out
                    position += out.samples
            clock.promise(packet)
        for out in resampler.resample(None):
            yield position, out
            position += out.samples
    except av.error.FFmpegError as error:
        what = f"audio breaks off after {position / RATE:.3f} s"
        raise failure(container.name, what, error) from error
    finally:
        metering.decoded((position - silent) / RATE)
    if not position:
        raise PermanentError(f"{name_of(container.name)}: the audio stream holds no audio")
    if position < clock.promised - _MISSING_SAMPLES:
        raise PermanentError(
            f"{name_of(container.name)}: of the {clock.promised / RATE:.3f} s in its packets "
            f"only {position / RATE:.3f} s can be decoded"
        )


class _Clock:
    """Turns the times of packets and frames into samples from the first audible one."""

    def __init__(self, stream: AudioStream) -> None:
        # Opus: packet times are exact, and all audible positions lie one pre-skip earlier.
        self._by_packets = stream.codec_context.name in {"opus", "libopus"}
        self._skipped = stream.codec_context.delay if self._by_packets else 0
        self._samples_a_tick = float((stream.time_base or 0) * RATE)
        self._origin: float | None = None
        self._end_ticks: int | None = None

    def position_of(self, packet: Packet[AudioStream], frame: AudioFrame, *, reached: int) -> int:
        """Return where a frame begins; `reached` where it does not say, or jumps back."""
        time = packet.pts if self._by_packets else frame.pts
        if time is None:
            return reached
        samples = time * self._samples_a_tick
        if self._origin is None:
            self._origin = samples + self._skipped
        ahead = samples - self._origin - reached
        if ahead > JITTER_SAMPLES:
            return reached + round(ahead)
        if reached and ahead < -JITTER_SAMPLES:
            self._origin += ahead
        return reached

    def promise(self, packet: Packet[AudioStream]) -> None:
        """Note where a packet that has been decoded ends."""
        if packet.pts is not None and packet.duration:
            self._end_ticks = packet.pts + packet.duration

    @property
    def promised(self) -> int:
        """Where the packets say that the audio ends."""
        if self._end_ticks is None or self._origin is None:
            return 0
        return round(self._end_ticks * self._samples_a_tick - self._origin)


def _resampler(stream: AudioStream) -> AudioResampler:
    return AudioResampler(format="fltp", layout=layout_of(stream), rate=RATE)

"""Decode audio with sample-exact positions.

WebM stores times in whole milliseconds, and libav shifts the first decoded frame by the
pre-skip, so frame times are off by up to a millisecond. Packet times are exact on Opus'
20 ms grid; positions are counted from them.
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

from reference_workers import metrics
from reference_workers.audio import JITTER_SAMPLES, RATE
from reference_workers.audio.media_input import display_name, packets, worker_error
from reference_workers.errors import PermanentError

Samples = NDArray[np.float32]
"""Floats with full scale 1, one row for each channel."""

BLOCK_SAMPLES = RATE // 2
"""Samples in each block but the last; a larger block costs memory a track and saves no time."""

_MISSING_SAMPLES = RATE // 2
"""Tolerated difference between the duration of the packets and the decoded samples."""


def layout_of(stream: AudioStream) -> str:
    """Return the layout a stream is decoded to: mono stays mono, all else becomes stereo."""
    return "mono" if stream.channels == 1 else "stereo"


def decode_blocks(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[Samples]:
    """Return the track in blocks of BLOCK_SAMPLES, after `lead` samples of silence.

    Gaps are filled with silence.

    Raises:
        PermanentError, TransientError: As `decode_frames`.
    """
    # `map`, because a generator would keep one frame of each of 64 tracks alive between calls.
    return map(_samples, decode_block_frames(container, stream, lead=lead))


def _samples(frame: AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), np.float32)


def decode_block_frames(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[AudioFrame]:
    """Yield the blocks of `decode_blocks` as libav frames, without copying samples.

    Raises:
        PermanentError, TransientError: As `decode_frames`.
    """
    fifo = AudioFifo()
    for frame in decode_frames(container, stream, lead=lead):
        frame.pts = None  # the FIFO would reject a jump in time
        fifo.write(frame)
        while fifo.samples >= BLOCK_SAMPLES:
            yield _read(fifo, BLOCK_SAMPLES)
    if fifo.samples:
        yield _read(fifo, fifo.samples)


def _read(fifo: AudioFifo, samples: int) -> AudioFrame:
    frame = fifo.read(samples)
    assert frame is not None
    return frame


def decode_frames(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[AudioFrame]:
    """Yield 48 kHz float frames without gaps, after `lead` samples of silence.

    A forward jump between two frames' times is a gap (a muted participant) and is filled with
    silence, in frames without a pts. A backward jump restarts the clock: the following audio is
    appended at the current position.

    Raises:
        PermanentError: The media is damaged, has no audio, or less audio than its packets declare.
        TransientError: The connection is lost, or the audio ends before its declared end.
    """
    # Opus packet times are exact; audible positions are one pre-skip earlier.
    by_packets = stream.codec_context.name in {"opus", "libopus"}
    layout = layout_of(stream)
    resampler = _resampler(layout)
    clock = _Clock(stream, skipped=stream.codec_context.delay if by_packets else 0)
    last: Packet[AudioStream] | None = None
    position, silent = 0, 0
    yield from _silence(layout, lead)
    try:
        for packet in packets(container, stream):
            for frame in packet.decode():
                start = clock.position_of(packet.pts if by_packets else frame.pts, position)
                if start > position:
                    # Samples buffered in the resampler belong before the gap.
                    for out in resampler.resample(None) if position else ():
                        position += out.samples
                        yield out
                    resampler = _resampler(layout)
                    yield from _silence(layout, start - position)
                    silent += start - position
                    position = start
                for out in resampler.resample(frame):
                    position += out.samples
                    yield out
            if packet.pts is not None and packet.duration:
                last = packet
        for out in resampler.resample(None):
            position += out.samples
            yield out
    except av.error.FFmpegError as error:
        what = f"audio is cut off after {position / RATE:.3f} s"
        raise worker_error(container.name, what, error) from error
    finally:
        metrics.add_audio_seconds((position - silent) / RATE)
    if not position:
        raise PermanentError(f"{display_name(container.name)}: the audio stream contains no audio")
    declared = clock.end_of(last)
    if position < declared - _MISSING_SAMPLES:
        raise PermanentError(
            f"{display_name(container.name)}: only {position / RATE:.3f} s of "
            f"{declared / RATE:.3f} s in its packets can be decoded"
        )


class _Clock:
    """Converts a stream's times to sample positions relative to the first audible sample."""

    def __init__(self, stream: AudioStream, *, skipped: int) -> None:
        """`skipped`: samples between the first packet's time and the first audible sample."""
        self._skipped = skipped
        self._samples_a_tick = float((stream.time_base or 0) * RATE)
        self._origin: float | None = None

    def position_of(self, time: int | None, reached: int) -> int:
        """Return a frame's position; `reached` if it has no time or jumps back."""
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

    def end_of(self, packet: Packet[AudioStream] | None) -> int:
        """Return the position of a packet's declared end; 0 if it declares none."""
        if packet is None or packet.pts is None or not packet.duration or self._origin is None:
            return 0
        return round((packet.pts + packet.duration) * self._samples_a_tick - self._origin)


def _silence(layout: str, samples: int) -> Iterator[AudioFrame]:
    channels = 1 if layout == "mono" else 2
    while samples > 0:
        zeros = np.zeros((channels, min(BLOCK_SAMPLES, samples)), np.float32)
        frame = AudioFrame.from_ndarray(zeros, format="fltp", layout=layout)
        frame.sample_rate = RATE
        samples -= frame.samples
        yield frame


def _resampler(layout: str) -> AudioResampler:
    return AudioResampler(format="fltp", layout=layout, rate=RATE)

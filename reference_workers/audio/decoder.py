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

from reference_workers import metrics
from reference_workers.audio import JITTER_SAMPLES, RATE
from reference_workers.audio.media_input import display_name, packets, worker_error
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


def decode_blocks(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[Samples]:
    """Return the track in blocks of BLOCK_SAMPLES, gaps as silence, after `lead` samples of it.

    Raises:
        PermanentError, TransientError: As `frames` does.
    """
    # Not a loop of our own: it would hold a frame for each of 64 tracks that wait to be asked.
    return map(_samples, decode_block_frames(container, stream, lead=lead))


def _samples(frame: AudioFrame) -> Samples:
    return np.asarray(frame.to_ndarray(), np.float32)


def decode_block_frames(
    container: InputContainer, stream: AudioStream, *, lead: int = 0
) -> Iterator[AudioFrame]:
    """Yield what `blocks` does as libav holds it: nothing is copied.

    Raises:
        PermanentError, TransientError: As `frames` does.
    """
    fifo = AudioFifo()
    for frame in decode_frames(container, stream, lead=lead):
        frame.pts = None  # its place is known
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
    """Yield 48 kHz float frames, one after the other, after `lead` samples of silence.

    A jump between two frames' times is a gap in the packets (a muted participant): it is silence,
    in frames without a time. Times that jump back start a new clock: what follows goes on where
    the track has got to.

    Raises:
        PermanentError: The media is damaged, holds no audio, or less than its packets promise.
        TransientError: The connection is lost, or the audio ends before its declared end.
    """
    # Opus: packet times are exact, and all audible positions lie one pre-skip earlier.
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
                begins = clock.position_of(packet.pts if by_packets else frame.pts, position)
                if begins > position:
                    # What the resampler still holds belongs before the gap.
                    for out in resampler.resample(None) if position else ():
                        position += out.samples
                        yield out
                    resampler = _resampler(layout)
                    yield from _silence(layout, begins - position)
                    silent += begins - position
                    position = begins
                for out in resampler.resample(frame):
                    position += out.samples
                    yield out
            if packet.pts is not None and packet.duration:
                last = packet
        for out in resampler.resample(None):
            position += out.samples
            yield out
    except av.error.FFmpegError as error:
        what = f"audio breaks off after {position / RATE:.3f} s"
        raise worker_error(container.name, what, error) from error
    finally:
        metrics.add_audio_seconds((position - silent) / RATE)
    if not position:
        raise PermanentError(f"{display_name(container.name)}: the audio stream holds no audio")
    promised = clock.end_of(last)
    if position < promised - _MISSING_SAMPLES:
        raise PermanentError(
            f"{display_name(container.name)}: of the {promised / RATE:.3f} s in its packets "
            f"only {position / RATE:.3f} s can be decoded"
        )


class _Clock:
    """Turns a stream's times into samples from the first audible one."""

    def __init__(self, stream: AudioStream, *, skipped: int) -> None:
        """Take as many samples as skipped as lie between the first time and the first sound."""
        self._skipped = skipped
        self._samples_a_tick = float((stream.time_base or 0) * RATE)
        self._origin: float | None = None

    def position_of(self, time: int | None, reached: int) -> int:
        """Return where a frame begins; `reached` where it does not say, or jumps back."""
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
        """Return where a packet says that it ends; 0 where it does not say."""
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

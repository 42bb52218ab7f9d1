"""Decode audio with sample-exact positions.

WebM stores times in whole milliseconds, and libav shifts the first decoded frame by the
pre-skip, so frame times are off by up to a millisecond. Packet times are exact on Opus'
20 ms grid; positions are counted from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from reference_workers import metrics
from reference_workers.audio import RATE
from reference_workers.audio.clock import Clock
from reference_workers.audio.limits import check_length, check_time
from reference_workers.audio.media_input import display_name, packets, worker_error
from reference_workers.errors import PermanentError

Samples = NDArray[np.float32]
"""Floats with full scale 1, one row for each channel."""

BLOCK_SAMPLES = RATE // 2
"""Samples in each block but the last; a larger block costs memory a track and saves no time."""

_UNTIMED_FORMATS = frozenset({"aac", "flac", "mp3", "wav"})
"""Their times are libav's own count of packets, wrong after a change of the sample rate."""

_TIME_BASE = Fraction(1, RATE)

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
        frame.time_base = _TIME_BASE  # which a new resampler inherits from its first frame
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

    Positions follow the times of the packets (`clock.Clock`): a gap is filled with silence, in
    frames without a pts; a backward jump appends the following audio at the current position.
    Sample rate and channels may change within the stream; the layout stays that of its beginning.

    Raises:
        PermanentError: The media is damaged, has no audio, or less audio than its packets declare.
        TransientError: The connection is lost, or the audio ends before its declared end.
    """
    # Opus packet times are exact; audible positions are one pre-skip earlier.
    by_packets = stream.codec_context.name in {"opus", "libopus"}
    layout = layout_of(stream)
    clock = Clock(stream, skipped=stream.codec_context.delay if by_packets else 0)
    resampler, shape = _resampler(layout), _Shape()
    position, silent, excess = 0, 0, 0
    name = display_name(container.name)
    check_length(lead / RATE, name)
    yield from _silence(layout, lead)
    try:
        timed = _timed_frames(container, stream, clock, by_packets)
        for frame, start, dropped in clock.positions(timed):
            if start or shape.changes_with(frame):
                # Samples buffered in the resampler belong before the gap or the change.
                for out in resampler.resample(None) if position else ():
                    position += out.samples
                    yield out
                resampler = _resampler(layout)
            if start > position:
                check_length(start / RATE, name)
                yield from _silence(layout, start - position)
                silent += start - position
                position = start
            excess += dropped
            for out in resampler.resample(frame):
                position += out.samples
                check_length(position / RATE, name)
                kept, excess = _without_first(out, excess, layout)
                position -= out.samples - (kept.samples if kept else 0)
                if kept:
                    yield kept
        for out in resampler.resample(None):
            position += out.samples
            yield out
    except (av.error.FFmpegError, ValueError) as error:  # PyAV raises both
        what = f"audio is cut off after {position / RATE:.3f} s"
        raise worker_error(container.name, what, error) from error
    finally:
        metrics.add_audio_seconds((position - silent) / RATE)
    if not position:
        raise PermanentError(f"{display_name(container.name)}: the audio stream contains no audio")
    declared = 0 if shape.has_changed and container.format.name in _UNTIMED_FORMATS else clock.end
    if position < declared - _MISSING_SAMPLES:
        raise PermanentError(
            f"{display_name(container.name)}: only {position / RATE:.3f} s of "
            f"{declared / RATE:.3f} s in its packets can be decoded"
        )


def _timed_frames(
    container: InputContainer, stream: AudioStream, clock: Clock, by_packets: bool
) -> Iterator[tuple[AudioFrame, int | None]]:
    """Yield each frame with its time in ticks of the stream."""
    is_timed = container.format.name not in _UNTIMED_FORMATS
    for packet in packets(container, stream):
        if packet.pts is not None and (by_packets or not is_timed):
            clock.start_at(packet.pts)
        for nth, frame in enumerate(packet.decode()):
            ticks = (None if nth else packet.pts) if by_packets else frame.pts
            yield frame, ticks if is_timed else None
        if packet.pts is not None and packet.duration:
            clock.last_end = packet.pts + packet.duration


class _Shape:
    """Recognises a change of sample rate, format or channels within a stream."""

    def __init__(self) -> None:
        self._seen: tuple[int, str, str] | None = None
        self.has_changed = False

    def changes_with(self, frame: AudioFrame) -> bool:
        shape = (frame.sample_rate, frame.format.name, frame.layout.name)
        changes = self._seen is not None and shape != self._seen
        self._seen = shape
        self.has_changed |= changes
        return changes


def _without_first(frame: AudioFrame, excess: int, layout: str) -> tuple[AudioFrame | None, int]:
    """Return a frame without its first `excess` samples, and how many are still to drop."""
    if not excess:
        return frame, 0
    if excess >= frame.samples:
        return None, excess - frame.samples
    samples = np.ascontiguousarray(_samples(frame)[:, excess:])
    kept = AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    kept.sample_rate = RATE
    return kept, 0


def _silence(layout: str, samples: int) -> Iterator[AudioFrame]:
    channels = 1 if layout == "mono" else 2
    while samples > 0:
        check_time("silence")
        zeros = np.zeros((channels, min(BLOCK_SAMPLES, samples)), np.float32)
        frame = AudioFrame.from_ndarray(zeros, format="fltp", layout=layout)
        frame.sample_rate = RATE
        samples -= frame.samples
        yield frame


def _resampler(layout: str) -> AudioResampler:
    return AudioResampler(format="fltp", layout=layout, rate=RATE)

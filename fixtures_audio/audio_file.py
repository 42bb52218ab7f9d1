"""Decoding of audio files to 48 kHz mono, with gaps between packets filled with silence.

Sample 0 is the first audible sample of the stream: libav skips the priming samples that WebM and
the LAME header declare. Each later packet is positioned by its timestamp, so gaps keep their
length and detected words keep meeting time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from fixtures_audio.tones import RATE_HZ, Samples
from fixtures_audio.word_detector import DetectedWord, detect_words_in_blocks

AudioSource = str | Path | BinaryIO

_JITTER_S = Fraction(5, 1000)
"""Timestamps are rounded; only a larger step counts as a gap."""

_FULL_SCALE = {"u8": 2**7, "s16": 2**15, "s32": 2**31, "s64": 2**63}


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Decoded audio: 48 kHz mono, gaps filled with zeros.

    Attributes:
        samples: starting at the first audible sample.
        start_time: the track's offset in seconds. 0 unless the container is Matroska or WebM: for
            MP3, libav's field holds the encoder delay instead.
        duration: length of `samples` in seconds.
    """

    samples: Samples
    start_time: float
    duration: float


def read_audio(source: AudioSource) -> Audio:
    """Decode any format that libav reads to 48 kHz mono (the mean of all channels).

    Raises:
        ValueError: The file has no audio stream.
    """
    with _open(source) as container:
        stream = _audio_stream(container)
        start_time = _start_time(container, stream)
        blocks = list(_blocks(container, stream))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    return Audio(samples, start_time, samples.size / RATE_HZ)


def audio_blocks(source: AudioSource) -> Iterator[Samples]:
    """Decode a file to 48 kHz mono block by block, using bounded memory for any length.

    Raises:
        ValueError: The file has no audio stream.
    """
    with _open(source) as container:
        yield from _blocks(container, _audio_stream(container))


def detect_words_in_file(
    source: AudioSource, *, bands: Iterable[int] | None = None, add_start_time: bool = True
) -> list[DetectedWord]:
    """Return every word in a file, using bounded memory for any length.

    Args:
        source: path or binary file.
        bands: bands to search; all by default.
        add_start_time: add the file's `start_time` to all times, which gives meeting time for a
            recorded track. Otherwise times count from the first audible sample.

    Raises:
        ValueError: The file has no audio stream.
    """
    with _open(source) as container:
        stream = _audio_stream(container)
        shift = _start_time(container, stream) if add_start_time else 0.0
        words = detect_words_in_blocks(_blocks(container, stream), bands=bands)
    return [replace(word, start=word.start + shift, end=word.end + shift) for word in words]


def _open(source: AudioSource) -> InputContainer:
    return av.open(str(source) if isinstance(source, Path) else source, "r")


def _audio_stream(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise ValueError(f"{container.name} has no audio stream")
    return container.streams.audio[0]


def _start_time(container: InputContainer, stream: AudioStream) -> float:
    if "matroska" not in container.format.name or stream.start_time is None:
        return 0.0
    return float(stream.start_time * (stream.time_base or Fraction(1, 1000)))


def _blocks(container: InputContainer, stream: AudioStream) -> Iterator[Samples]:
    rate = stream.codec_context.sample_rate
    blocks = _gaps_filled(container, stream, rate)
    return blocks if rate == RATE_HZ else _resampled(blocks, rate)


def _gaps_filled(container: InputContainer, stream: AudioStream, rate: int) -> Iterator[Samples]:
    """Yield mono blocks at the stream's sample rate, with zeros for missing packets."""
    first_audible: Fraction | None = None
    written = 0
    for packet in container.demux(stream):
        blocks = [_mono(frame) for frame in packet.decode()]
        if not blocks:
            continue
        count = sum(block.size for block in blocks)
        if packet.pts is not None and packet.time_base and packet.duration:
            begin = packet.pts * packet.time_base
            if first_audible is None:
                # libav cuts the priming samples from the front of the first audible packet.
                end = begin + packet.duration * packet.time_base
                first_audible = end - Fraction(count, rate)
            missing = begin - first_audible - Fraction(written, rate)
            if missing > _JITTER_S:
                gap = np.zeros(round(missing * rate), dtype=np.float32)
                written += gap.size
                yield gap
        written += count
        yield from blocks


def _mono(frame: av.AudioFrame) -> Samples:
    """Return the mean of a frame's channels, scaled to full scale 1."""
    samples = frame.to_ndarray()
    if frame.format.is_packed:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    mean = samples.mean(axis=0, dtype=np.float64 if samples.dtype.kind != "f" else None)
    kind = frame.format.name.removesuffix("p")
    if kind == "u8":
        mean = mean - _FULL_SCALE["u8"]
    mono: Samples = (mean / _FULL_SCALE.get(kind, 1)).astype(np.float32)
    return mono


def _resampled(blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    sent = 0
    for block in blocks:
        frame = av.AudioFrame.from_ndarray(block[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = rate
        frame.time_base = Fraction(1, rate)
        frame.pts = sent
        sent += block.size
        for resampled in resampler.resample(frame):
            yield resampled.to_ndarray()[0]
    for resampled in resampler.resample(None):
        yield resampled.to_ndarray()[0]

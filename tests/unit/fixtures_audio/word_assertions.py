"""What the tests of this folder share: comparing what was said with what is heard."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from fixtures_audio import RATE_HZ, DetectedWord, Meeting, Track, band_of, read_audio, track_of


@dataclass(frozen=True, slots=True)
class Comparison:
    """Errors in seconds, words missed as (start, id), words nobody said."""

    errors: tuple[float, ...]
    missed: tuple[tuple[float, int], ...]
    invented: tuple[DetectedWord, ...]


def compare(said: Iterable[tuple[float, int]], heard: Iterable[DetectedWord]) -> Comparison:
    left = list(heard)
    errors, missed = [], []
    for start, id_ in said:
        near = [word for word in left if word.word_id == id_ and abs(word.start - start) < 0.02]
        if near:
            errors.append(near[0].start - start)
            left.remove(near[0])
        else:
            missed.append((start, id_))
    return Comparison(tuple(errors), tuple(missed), tuple(left))


def said_in(track: Track) -> list[tuple[float, int]]:
    return [(track.offset + word.start, word.id) for word in track.words]


def heard_from(track: Track, heard: Iterable[DetectedWord], tracks: int) -> list[DetectedWord]:
    return [
        word
        for word in heard
        if word.band == band_of(track.index)
        and track_of(word.band, word.start, tracks) == track.index
    ]


def mix(meeting: Meeting, paths: Iterable[Path]) -> NDArray[np.float32]:
    """Every track padded by its file's start_time, and summed."""
    mixed = np.zeros(round(meeting.duration * RATE_HZ), dtype=np.float32)
    for path in paths:
        audio = read_audio(path)
        start = round(audio.start_time * RATE_HZ)
        mixed[start : start + audio.samples.size] += audio.samples
    return mixed


def write_audio(
    samples: NDArray[np.float32],
    path: Path,
    *,
    codec: str = "libmp3lame",
    rate: int = RATE_HZ,
    layout: str = "mono",
) -> Path:
    """Encode the same samples in every channel; MP3 at 128 kb/s unless told otherwise."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 128_000
        channels = np.repeat(samples[np.newaxis], 2 if layout == "stereo" else 1, axis=0)
        if codec == "pcm_s16le":
            channels = (channels * 32767).round().astype(np.int16)
        kind = "s16p" if codec == "pcm_s16le" else "fltp"
        frame = av.AudioFrame.from_ndarray(channels, format=kind, layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path

"""Comparison of a meeting's words with the words detected in audio."""

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
    """Time errors in seconds, missed words as (start, id), and words that are not expected."""

    errors: tuple[float, ...]
    missed: tuple[tuple[float, int], ...]
    unexpected: tuple[DetectedWord, ...]


def compare(expected: Iterable[tuple[float, int]], detected: Iterable[DetectedWord]) -> Comparison:
    left = list(detected)
    errors, missed = [], []
    for start, id_ in expected:
        near = [word for word in left if word.word_id == id_ and abs(word.start - start) < 0.02]
        if near:
            errors.append(near[0].start - start)
            left.remove(near[0])
        else:
            missed.append((start, id_))
    return Comparison(tuple(errors), tuple(missed), tuple(left))


def words_of(track: Track) -> list[tuple[float, int]]:
    """Return (start in meeting time, word id) of a track's words."""
    return [(track.offset + word.start, word.id) for word in track.words]


def detected_on(track: Track, detected: Iterable[DetectedWord], tracks: int) -> list[DetectedWord]:
    return [
        word
        for word in detected
        if word.band == band_of(track.index)
        and track_of(word.band, word.start, tracks) == track.index
    ]


def mix(meeting: Meeting, paths: Iterable[Path]) -> NDArray[np.float32]:
    """Sum all tracks, each padded by its file's start_time."""
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
    """Encode the same samples in every channel, at 128 kb/s."""
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

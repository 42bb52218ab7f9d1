"""Audio as a recorder, a browser or a broken disk leaves it, and the ear for what comes back."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from fixtures_audio import (
    LEVEL,
    RATE_HZ,
    Meeting,
    Participant,
    Track,
    Word,
    band_of,
    detect_words,
    render,
    text_of,
    word_delay_samples,
    write_track,
)
from fixtures_audio.tones import WORD_SECONDS
from trackproof.checks.word_matching import Timed, match
from trackproof.suite.assertions import ClauseViolation, expect

Samples = NDArray[np.float32]
"""Channels × samples, full scale 1."""


def spoken(
    *starts: float,
    index: int = 0,
    seconds: float = 4.0,
    offset: float = 0.0,
    gaps: Sequence[tuple[float, float]] = (),
    level: float = LEVEL,
) -> Track:
    """Return a track whose words begin at these seconds of its own; each is another word."""
    words = [
        Word(id_, text_of(id_), start, round(start + WORD_SECONDS, 3))
        for id_, start in enumerate(starts, start=1 + 16 * index % 200)
    ]
    who = Participant(f"participant-{index}", f"Participant {index}", None)
    return Track(index, offset, seconds, tuple(words), tuple(gaps), level, who)


def likeness(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return how alike two channels sound wherever they fit best: 1 for one and the same sound.

    Neither level nor delay counts. Two loud tones cut off at full scale are 0.98 of their sum,
    and 0.07 where what is above full scale comes out at the other end of the scale.
    """
    size = 1 << (one.size + other.size).bit_length()
    product = np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size))
    norm = np.linalg.norm(one.astype(np.float64)) * np.linalg.norm(other.astype(np.float64))
    return float(np.fft.irfft(product, size).max() / max(norm, 1e-12))


def webm(track: Track, folder: Path) -> Path:
    """Write a track as a recorder does."""
    path = folder / f"track-{track.index}.webm"
    path.write_bytes(_recorded(track))
    return path


@cache
def _recorded(track: Track) -> bytes:
    """Encode a track once for all clauses: that takes longer than what most of them ask."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "track.webm")
        write_track(track, path)
        return path.read_bytes()


def samples_of(*channels: Track) -> Samples:
    """Return what these tracks say, each in a channel of its own, without their offsets."""
    return np.stack([np.concatenate(list(render(track))) for track in channels])


def encoded(
    samples: Samples,
    *,
    form: str = "webm",
    codec: str = "libopus",
    rate: int = RATE_HZ,
    begins: Fraction = Fraction(0),
) -> bytes:
    """Return a file of these samples (48 kHz), whose first packet's time is moved by `begins`.

    Args:
        samples: One or two channels.
        form: libav's name of the container.
        codec: libav's name of the encoder.
        rate: Samples a second in the file.
        begins: Seconds; may be negative, where the container can say so.
    """
    file = io.BytesIO()
    layout = "mono" if len(samples) == 1 else "stereo"
    stays = {"avoid_negative_ts": "disabled"}
    with av.open(file, "w", format=form, options=stays) as container:
        # libav calls its own vorbis encoder experimental.
        stream = container.add_stream(codec, rate=rate, layout=layout, options={"strict": "-2"})
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 64_000 * len(samples)
        to_codec = av.AudioResampler(stream.format.name, layout, rate, stream.frame_size or 1024)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.sample_rate = RATE_HZ
        frame.pts = 0
        for part in (*to_codec.resample(frame), *to_codec.resample(None), None):
            for packet in stream.encode(part):
                shift = round(begins / packet.time_base)
                packet.pts = (packet.pts or 0) + shift
                packet.dts = packet.pts
                container.mux(packet)
    return file.getvalue()


def picture_only() -> bytes:
    """Return a WebM that has a picture and no audio stream: a camera without its microphone."""
    file = io.BytesIO()
    with av.open(file, "w", format="webm") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for nth in range(10):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), nth, np.uint8), "yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def decoded(data: bytes) -> Samples:
    """Return a file's samples at 48 kHz, channel by channel, from the first audible one."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        to_float = av.AudioResampler("fltp", stream.layout, RATE_HZ)
        parts = [
            part.to_ndarray()
            for frame in (*container.decode(stream), None)
            for part in to_float.resample(frame)
        ]
        channels = stream.channels
    return np.concatenate([np.zeros((channels, 0), np.float32), *parts], axis=1)


def start_time_of(data: bytes) -> float:
    """Return the offset that a file states, in seconds; 0 where it states none."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        return float((stream.start_time or 0) * (stream.time_base or 0))


def form_of(data: bytes) -> tuple[str, str, int]:
    """Return a file's container, its codec and its number of channels, in libav's words."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        return container.format.name, stream.codec_context.name, stream.channels


def mono(samples: Samples) -> NDArray[np.float32]:
    """Return the mean of all channels."""
    mean: NDArray[np.float32] = samples.mean(axis=0)
    return mean


def lag_ms(later: NDArray[np.float32], earlier: NDArray[np.float32]) -> float:
    """Return how many milliseconds after `earlier` the same sounds stand in `later`."""
    size = 1 << int(later.size + earlier.size).bit_length()
    product = np.fft.rfft(later, size) * np.conj(np.fft.rfft(earlier, size))
    return float(np.argmax(np.fft.irfft(product, size))) * 1000 / RATE_HZ


def said_by(tracks: Iterable[Track]) -> list[Timed]:
    """Return every word of some tracks at its meeting time."""
    meeting = Meeting(seed=0, tracks=tuple(tracks))
    return [Timed(word.text, word.start) for word in meeting.truth()]


def heard_in(samples: NDArray[np.float32]) -> list[Timed]:
    """Return every word that is heard in one channel."""
    return [Timed(word.text, word.start) for word in detect_words(samples)]


def expect_words(heard: Iterable[Timed], said: Iterable[Timed], tolerance_ms: float) -> None:
    """Raise a ClauseViolation unless exactly the spoken words are heard, each once, in time."""
    found = match(said, heard, tolerance=tolerance_ms / 1000)
    expect(found.describe(), "what is heard").holds(
        found.complete, f"each of {found.spoken} words once, at most {tolerance_ms:g} ms off"
    )


def expect_exact(samples: NDArray[np.float32], tracks: Iterable[Track]) -> None:
    """Raise a ClauseViolation unless every word stands within a sample of its place."""
    for track in tracks:
        for word in track.words:
            place = round((track.offset + word.start) * RATE_HZ)
            band = band_of(track.index)
            what = f"samples by which {word.text!r} of track {track.index} is late"
            try:
                late = word_delay_samples(samples, band=band, word_id=word.id, at=place)
            except ValueError as error:
                raise ClauseViolation("0", str(error), what) from error
            expect(late, what).is_near(0, 1)

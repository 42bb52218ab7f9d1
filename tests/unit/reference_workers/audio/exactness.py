"""Hold words to their sample, as PyAV and the ffmpeg command line decode a file."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures_audio import RATE_HZ, Track, band_of, word_delay_samples

Decoder = Callable[[Path], NDArray[np.float32]]


def by_pyav(path: Path) -> NDArray[np.float32]:
    """Return all samples one after the other, as a reader without a clock sees them."""
    to_mono = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [
            out
            for frame in [*container.decode(container.streams.audio[0]), None]
            for out in to_mono.resample(frame)
        ]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def by_ffmpeg(path: Path) -> NDArray[np.float32]:
    """Return what the command line decodes, without a filter that would mend it."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("there is no ffmpeg command here")
    command = [program, "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-"]
    decoded = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(decoded, dtype=np.float32)


DECODERS = [pytest.param(by_pyav, id="pyav"), pytest.param(by_ffmpeg, id="ffmpeg")]


def lateness(
    track: Track, samples: NDArray[np.float32], *, offset: Fraction | None = None
) -> list[float]:
    """Return how many samples late each word of a track is; `offset` in place of its own."""
    begins = Fraction(track.offset).limit_denominator(10_000) if offset is None else offset
    return [
        word_delay_samples(
            samples,
            band=band_of(track.index),
            word_id=word.id,
            at=round((begins + Fraction(word.start).limit_denominator(1000)) * RATE_HZ),
        )
        for word in track.words
    ]


def assert_exact(
    track: Track, samples: NDArray[np.float32], *, offset: Fraction | None = None
) -> None:
    """Hold every word of a track to its sample."""
    assert track.words
    assert max(map(abs, lateness(track, samples, offset=offset))) <= 1

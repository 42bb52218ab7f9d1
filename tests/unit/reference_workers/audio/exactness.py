"""Assert sample-exact words in files decoded by PyAV and by the ffmpeg command."""

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
    """Return all decoded samples, ignoring their times."""
    to_mono = av.AudioResampler(format="flt", layout="mono", rate=RATE_HZ)
    with av.open(str(path)) as container:
        frames = [
            out
            for frame in [*container.decode(container.streams.audio[0]), None]
            for out in to_mono.resample(frame)
        ]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def by_ffmpeg(path: Path) -> NDArray[np.float32]:
    """Return the samples that the ffmpeg command decodes, without filters."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("no ffmpeg command")
    command = [program, "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-"]
    decoded = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(decoded, dtype=np.float32)


DECODERS = [
    pytest.param(by_pyav, id="pyav"),
    pytest.param(by_ffmpeg, id="ffmpeg", marks=pytest.mark.nightly),  # a process each
]


def lateness(
    track: Track, samples: NDArray[np.float32], *, offset: Fraction | None = None
) -> list[float]:
    """Return each word's lateness in samples; `offset` replaces the track's own."""
    start = Fraction(track.offset).limit_denominator(10_000) if offset is None else offset
    return [
        word_delay_samples(
            samples,
            band=band_of(track.index),
            word_id=word.id,
            at=round((start + Fraction(word.start).limit_denominator(1000)) * RATE_HZ),
        )
        for word in track.words
    ]


def assert_exact(
    track: Track, samples: NDArray[np.float32], *, offset: Fraction | None = None
) -> None:
    """Assert that every word is at most one sample off."""
    assert track.words
    assert max(map(abs, lateness(track, samples, offset=offset))) <= 1

"""Integrated loudness by ITU-R BS.1770-4, in LUFS, of mono audio at 48 kHz."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fixtures_audio.audio_file import AudioSource, audio_blocks
from fixtures_audio.tones import RATE_HZ, Samples

STEP_SAMPLES = RATE_HZ // 10
"""Gating blocks of 400 ms begin every 100 ms."""
BLOCK_STEPS = 4

SILENCE_LUFS = -70.0
"""Absolute gate: quieter blocks do not count."""
RELATIVE_GATE_LU = -10.0
OFFSET_LUFS = -0.691
"""Makes a full-scale sine of 997 Hz in one channel -3.01 LUFS."""

CHUNK_SAMPLES = 9 * RATE_HZ
LEAD_SAMPLES = RATE_HZ
"""Samples before and after a chunk, in which the filters' responses decay."""

_SHELF = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
"""Coefficients of both stages of the K-weighting at 48 kHz, from the recommendation."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """How long and how loud an audio file is."""

    duration: float
    """Seconds."""
    lufs: float | None
    """Integrated loudness; None for silence and for less than 400 ms."""


def loudness_of_file(source: AudioSource) -> Loudness:
    """Measure a file in bounded memory; several channels count as their mean.

    Raises:
        ValueError: The file has no audio stream.
    """
    return loudness_of(audio_blocks(source))


def loudness_of(blocks: Iterable[Samples]) -> Loudness:
    """Measure consecutive blocks of samples."""
    count = 0
    energies: list[NDArray[np.float64]] = []

    def counted() -> Iterator[Samples]:
        nonlocal count
        for block in blocks:
            count += block.size
            yield block

    for chunk, before in _chunks(counted()):
        weighted = _k_weighted(chunk)[before : before + CHUNK_SAMPLES]
        whole = weighted[: weighted.size // STEP_SAMPLES * STEP_SAMPLES]
        energies.append((whole.reshape(-1, STEP_SAMPLES) ** 2).mean(axis=1))
    steps = np.concatenate(energies)[: count // STEP_SAMPLES] if energies else np.zeros(0)
    return Loudness(count / RATE_HZ, _integrated(steps))


def _integrated(steps: NDArray[np.float64]) -> float | None:
    """Return the gated mean of the blocks' energies as loudness."""
    if steps.size < BLOCK_STEPS:
        return None
    blocks = np.convolve(steps, np.full(BLOCK_STEPS, 1 / BLOCK_STEPS), "valid")
    loud = blocks[blocks > _energy(SILENCE_LUFS)]
    if not loud.size:
        return None
    loud = loud[loud > _energy(_lufs(float(loud.mean())) + RELATIVE_GATE_LU)]
    return _lufs(float(loud.mean()))


def _lufs(energy: float) -> float:
    return OFFSET_LUFS + 10 * math.log10(energy)


def _energy(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET_LUFS) / 10))


def _chunks(blocks: Iterable[Samples]) -> Iterator[tuple[Samples, int]]:
    """Yield chunks with the samples around them, and the number of those before."""
    before = np.zeros(0, dtype=np.float32)
    waiting: list[Samples] = []
    size = 0
    end = np.zeros(LEAD_SAMPLES, dtype=np.float32)  # the response decays into silence
    for block in chain(blocks, [end]):
        waiting.append(block)
        size += block.size
        if size < CHUNK_SAMPLES + LEAD_SAMPLES:
            continue
        rest = np.concatenate(waiting)
        while rest.size >= CHUNK_SAMPLES + LEAD_SAMPLES:
            yield np.concatenate([before, rest[: CHUNK_SAMPLES + LEAD_SAMPLES]]), before.size
            before = rest[CHUNK_SAMPLES - LEAD_SAMPLES : CHUNK_SAMPLES]
            rest = rest[CHUNK_SAMPLES:]
        waiting, size = [rest], rest.size
    rest = np.concatenate(waiting)
    if rest.size > LEAD_SAMPLES:
        yield np.concatenate([before, rest]), before.size


def _k_weighted(samples: Samples) -> NDArray[np.float64]:
    """Return the K-weighted samples: a shelf for the head, and a high-pass."""
    size = 1 << (samples.size + LEAD_SAMPLES - 1).bit_length()  # zeros, so that nothing wraps
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    response = np.ones_like(z)
    for numerator, denominator in (_SHELF, _HIGH_PASS):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    spectrum = np.fft.rfft(samples.astype(np.float64), size) * response
    weighted: NDArray[np.float64] = np.fft.irfft(spectrum, size)[: samples.size]
    return weighted

"""Integrated loudness by ITU-R BS.1770."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fixtures_audio import make_meeting, write_meeting
from fixtures_audio.loudness import loudness_of, loudness_of_file
from fixtures_audio.tones import RATE_HZ, Samples


def sine(seconds: float, *, hz: float = 997, amplitude: float = 1.0) -> Samples:
    times = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (amplitude * np.sin(2 * np.pi * hz * times)).astype(np.float32)


def lufs(*blocks: Samples) -> float | None:
    return loudness_of(blocks).lufs


@pytest.mark.parametrize(("amplitude", "expected"), [(1.0, -3.01), (0.1, -23.01), (0.01, -43.01)])
def test_a_sine_of_997_hz_has_the_loudness_of_the_recommendation(
    amplitude: float, expected: float
) -> None:
    assert lufs(sine(2, amplitude=amplitude)) == pytest.approx(expected, abs=0.02)


def test_low_tones_count_less_and_high_ones_more() -> None:
    assert lufs(sine(3, hz=30)) == pytest.approx(-3.01 - 8.0, abs=1.0)
    assert lufs(sine(3, hz=10_000)) == pytest.approx(-3.01 + 3.3, abs=0.2)


def test_pauses_do_not_count_and_quiet_parts_are_gated() -> None:
    loud, alone = sine(4, amplitude=0.5), lufs(sine(4, amplitude=0.5))
    assert alone is not None

    assert lufs(loud, np.zeros(4 * RATE_HZ, dtype=np.float32)) == pytest.approx(alone, abs=0.3)
    assert lufs(loud, sine(4, amplitude=0.05)) == pytest.approx(alone, abs=0.3)
    # 6 dB less are above the relative gate of 10 LU: the mean of both counts.
    assert lufs(loud, sine(4, amplitude=0.25)) == pytest.approx(alone - 2.04, abs=0.1)


def test_silence_and_less_than_a_block_have_none() -> None:
    assert lufs(np.zeros(RATE_HZ, dtype=np.float32)) is None
    assert lufs(sine(0.39)) is None
    assert lufs() is None


def test_the_division_into_blocks_does_not_matter() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 11 * RATE_HZ).astype(np.float32)

    whole = loudness_of([noise])
    parts = loudness_of(np.array_split(noise, 23))

    assert whole.duration == parts.duration == 11
    assert whole.lufs == pytest.approx(parts.lufs, abs=1e-6)


def test_a_file_is_as_loud_as_its_samples(tmp_path: Path) -> None:
    [track] = write_meeting(make_meeting(tracks=1, seconds=6, seed=1), tmp_path)

    measured = loudness_of_file(track)

    assert measured.duration == pytest.approx(6, abs=1.5)
    assert measured.lufs is not None
    assert -40 < measured.lufs < -5

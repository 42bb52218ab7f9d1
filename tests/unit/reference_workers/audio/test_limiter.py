from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_workers.audio import RATE
from reference_workers.audio.limiter import CEILING, limit

Sound = NDArray[np.float32]


def noise(level: float, seconds: float = 3.0, channels: int = 1) -> Sound:
    shape = (channels, round(seconds * RATE))
    return np.random.default_rng(4).uniform(-level, level, shape).astype(np.float32)


def limit_sound(sound: Sound, *, block: int = RATE) -> Sound:
    pieces = [sound[:, at : at + block] for at in range(0, sound.shape[1], block)]
    return np.concatenate(list(limit(pieces)), axis=1)


@pytest.mark.parametrize("level", [0.0, 0.3, CEILING])
def test_audio_below_the_ceiling_is_unchanged(level: float) -> None:
    sound = noise(level)

    assert np.array_equal(limit_sound(sound), sound)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("level", [1.01, 4.0, 60.0])
def test_nothing_is_above_the_ceiling(level: float, channels: int) -> None:
    limited_sound = limit_sound(noise(level, channels=channels))

    assert np.abs(limited_sound).max() <= CEILING + 1e-6


def test_the_gain_changes_smoothly_around_a_peak_only() -> None:
    sound = noise(0.5)
    at = round(1.5 * RATE)
    sound[0, at] = 2.0

    after = limit_sound(sound)

    gain = after[0] / sound[0]
    assert gain[at] == pytest.approx(0.5, abs=0.001)
    assert np.abs(np.diff(gain)).max() < 0.001
    untouched = np.r_[0 : at - 3000, at + 3000 : sound.shape[1]]
    assert np.array_equal(after[0, untouched], sound[0, untouched])


def test_both_channels_get_the_same_gain() -> None:
    sound = noise(0.5, channels=2)
    sound[1, RATE] = 3.0

    after = limit_sound(sound)

    assert np.allclose(after[0] / sound[0], after[1] / sound[1])
    assert after[0, RATE] / sound[0, RATE] < 0.34


@settings(max_examples=15, deadline=None)
@given(block=st.integers(100, 2 * RATE), seconds=st.floats(0.001, 1.5))
def test_the_block_size_does_not_matter(block: int, seconds: float) -> None:
    sound = noise(2.0, seconds) * np.linspace(0, 1, round(seconds * RATE), dtype=np.float32)

    assert np.allclose(limit_sound(sound, block=block), limit_sound(sound), atol=1e-6)


def test_empty_input_gives_empty_output() -> None:
    assert list(limit([])) == []

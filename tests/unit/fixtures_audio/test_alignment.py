import numpy as np
import pytest
from numpy.typing import NDArray

from fixtures_audio import word_delay_samples, word_samples


def noise_with_word(at: int, *, band: int = 3) -> NDArray[np.float32]:
    samples = np.random.default_rng(1).normal(0, 0.003, 48_000).astype(np.float32)
    samples[at : at + 3840] += 0.2 * word_samples(band, 0x5A)
    return samples


@pytest.mark.parametrize("band", [0, 3, 29])
@pytest.mark.parametrize("delay", [-200, -1, 0, 1, 200])
def test_the_delay_of_a_word_is_measured_in_samples(band: int, delay: int) -> None:
    samples = noise_with_word(20_000 + delay, band=band)

    measured = word_delay_samples(samples, band=band, word_id=0x5A, at=20_000)

    assert measured == pytest.approx(delay, abs=0.3)


def test_a_word_at_the_start_or_end_of_the_audio_is_measured() -> None:
    samples = noise_with_word(0)
    samples[-3840:] += 0.2 * word_samples(3, 0x5A)

    assert abs(word_delay_samples(samples, band=3, word_id=0x5A, at=0)) < 0.3
    assert abs(word_delay_samples(samples, band=3, word_id=0x5A, at=48_000 - 3840)) < 0.3


@pytest.mark.parametrize(
    ("band", "word_id", "at"), [(4, 0x5A, 20_000), (3, 0xB1, 20_000), (3, 0x5A, 30_000)]
)
def test_a_missing_word_raises_an_error(band: int, word_id: int, at: int) -> None:
    samples = noise_with_word(20_000)
    samples[30_000:33_840] += 0.2 * word_samples(9, 7)

    with pytest.raises(ValueError, match="no word"):
        word_delay_samples(samples, band=band, word_id=word_id, at=at)

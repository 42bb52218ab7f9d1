from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from reference_workers.audio import RATE
from reference_workers.audio.mp3 import BIT_RATE, Mp3Writer
from tests.unit.reference_workers.audio.exactness import DECODERS, Decoder


def written(path: Path, samples: int, *, block: int = RATE) -> float:
    sound = np.random.default_rng(5).normal(0, 2000, (samples, 2)).astype(np.int16)
    with path.open("wb") as file:
        writer = Mp3Writer(file)
        for at in range(0, samples, block):
            writer.write(sound[at : at + block])
        return writer.finish()


@pytest.mark.parametrize("decode", DECODERS)
@pytest.mark.parametrize("samples", [1, 575, 576, 1151, 1152, 1153, 48_000, 100_001])
def test_players_return_the_number_of_input_samples(
    tmp_path: Path, samples: int, decode: Decoder
) -> None:
    duration = written(tmp_path / "a.mp3", samples)

    assert duration == samples / RATE
    assert decode(tmp_path / "a.mp3").size == samples


@pytest.mark.parametrize("decode", DECODERS)
def test_a_click_is_sample_exact(tmp_path: Path, decode: Decoder) -> None:
    sound = np.zeros((RATE, 2), dtype=np.int16)
    sound[30_011] = 20_000
    with (tmp_path / "a.mp3").open("wb") as file:
        writer = Mp3Writer(file)
        writer.write(sound)
        writer.finish()

    assert int(np.abs(decode(tmp_path / "a.mp3")).argmax()) == 30_011


def test_the_headers_match_the_audio(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    written(path, 3 * RATE)

    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert (stream.channels, stream.rate, stream.bit_rate) == (2, RATE, BIT_RATE)
        assert container.duration == pytest.approx(3_000_000, abs=30)

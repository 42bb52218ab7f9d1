import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fixtures_audio import (
    BANDS,
    RATE_HZ,
    band_of,
    detect_words,
    detect_words_in_blocks,
    make_meeting,
    render,
    track_of,
    word_samples,
)
from tests.unit.fixtures_audio.word_assertions import compare

ids = st.integers(0, 255)
bands = st.integers(0, BANDS - 1)


def place(words: list[tuple[int, int]], band: int, *, level: float = 0.2) -> NDArray[np.float32]:
    """Words given as (start sample, id) in silence."""
    samples = np.zeros((words[-1][0] if words else 0) + RATE_HZ, dtype=np.float32)
    for at, id_ in words:
        samples[at : at + 3840] += level * word_samples(band, id_)
    return samples


@settings(max_examples=25, deadline=None)
@given(
    said=st.lists(st.tuples(st.integers(6_000, 30_000), ids), min_size=1, max_size=30),
    band=bands,
    level=st.floats(0.01, 0.9),
)
def test_any_words_in_any_band_are_heard_where_they_were_put(
    said: list[tuple[int, int]], band: int, level: float
) -> None:
    starts = itertools.accumulate(3840 + pause for pause, _ in said)
    words = [(start, id_) for start, (_, id_) in zip(starts, said, strict=True)]
    heard = detect_words(place(words, band, level=level))
    result = compare([(start / RATE_HZ, id_) for start, id_ in words], heard)
    assert not result.missed
    assert not result.invented
    assert max(map(abs, result.errors)) < 0.001
    assert all(word.band == band for word in heard)
    assert all(abs(word.level / level - 1) < 0.05 for word in heard)


@settings(max_examples=15, deadline=None)
@given(pair=st.lists(bands, min_size=2, max_size=2, unique=True), said=st.tuples(ids, ids))
def test_two_bands_at_the_same_moment_do_not_disturb_each_other(
    pair: list[int], said: tuple[int, int]
) -> None:
    loud, faint = (
        place([(20_000, id_)], band, level=level)
        for band, id_, level in zip(pair, said, (0.4, 0.04), strict=True)
    )
    heard = {(word.band, word.word_id) for word in detect_words(loud + faint)}
    assert heard == set(zip(pair, said, strict=True))


@pytest.mark.parametrize("band", range(BANDS))
def test_every_digit_is_heard_in_every_band(band: int) -> None:
    words = [(10_000 + 12_000 * nth, 17 * nth % 256) for nth in range(16)]
    heard = detect_words(place(words, band), bands=[band])
    assert [word.word_id for word in heard] == [id_ for _, id_ in words]


def test_words_across_window_edges_are_heard_once() -> None:
    words = [(int(RATE_HZ * (14 + 0.21 * nth)), nth) for nth in range(90)]
    assert [word.word_id for word in detect_words(place(words, 3))] == list(range(90))


def test_blocks_of_any_size_are_heard_like_one_piece() -> None:
    samples = place([(RATE_HZ * nth, nth) for nth in range(1, 40)], 5)
    assert detect_words_in_blocks(np.array_split(samples, 37)) == detect_words(samples)


def test_rendering_in_blocks_of_any_size_gives_the_same_samples() -> None:
    track = make_meeting(tracks=2, seconds=12).tracks[1]
    whole = np.concatenate(list(render(track, block_seconds=60)))
    pieces = np.concatenate(list(render(track, block_seconds=0.013)))
    assert whole.size == round(track.duration * RATE_HZ)
    assert np.array_equal(whole, pieces)


def test_other_sample_rates_can_be_heard() -> None:
    slow = place([(20_000, 0x5A)], 1)[:67_998].reshape(-1, 3).mean(axis=1)
    assert [word.word_id for word in detect_words(slow, rate=16_000)] == [0x5A]


def test_integers_and_stereo_are_refused() -> None:
    with pytest.raises(ValueError, match="mono float samples expected"):
        detect_words(np.zeros((2, 9), dtype=np.float32))
    with pytest.raises(ValueError, match="mono float samples expected"):
        detect_words(np.zeros(9, dtype=np.int16))


def test_silence_says_nothing() -> None:
    assert detect_words(np.zeros(0, dtype=np.float32)) == []
    assert detect_words(np.zeros(20 * RATE_HZ, dtype=np.float32)) == []


@pytest.mark.parametrize("rms", [0.003, 0.1])
def test_noise_says_nothing(rms: float) -> None:
    noise = np.random.default_rng(1).normal(0, rms, 60 * RATE_HZ)
    assert detect_words(noise) == []


def test_speech_like_noise_says_nothing() -> None:
    """Syllables of a gliding pitch with harmonics and breath."""
    rng = np.random.default_rng(2)
    seconds = np.arange(40 * RATE_HZ) / RATE_HZ
    pitch_hz = 140 + 40 * np.sin(2 * np.pi * 0.7 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    voice = sum(np.sin(nth * phase) / nth for nth in range(1, 60))
    syllables = np.clip(np.sin(2 * np.pi * 3.3 * seconds), 0, None)
    speech = 0.2 * syllables * (voice + rng.normal(0, 0.3, seconds.size))
    assert detect_words(speech) == []


def test_steady_tones_say_nothing() -> None:
    seconds = np.arange(20 * RATE_HZ) / RATE_HZ
    assert detect_words(0.2 * np.sin(2 * np.pi * 1000 * seconds)) == []


def test_words_stand_out_of_noise() -> None:
    words = [(RATE_HZ * nth, nth) for nth in range(1, 30)]
    samples = place(words, 12)
    noisy = samples + np.random.default_rng(3).normal(0, 0.003, samples.size)
    assert [word.word_id for word in detect_words(noisy)] == [id_ for _, id_ in words]


def test_tracks_that_share_a_band_take_turns() -> None:
    meeting = make_meeting(tracks=64, seconds=30)
    for word in meeting.truth():
        for edge in (word.start - 0.05, word.end + 0.05):
            assert track_of(band_of(word.track_index), edge, 64) == word.track_index


def test_a_band_without_a_track_belongs_to_nobody() -> None:
    with pytest.raises(ValueError, match="no track of 3 speaks in band 3"):
        track_of(3, 0, 3)

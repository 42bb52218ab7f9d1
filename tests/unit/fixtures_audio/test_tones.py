import itertools

import numpy as np
import pytest
from hypothesis import given
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
from tests.unit.examples import examples
from tests.unit.fixtures_audio.word_assertions import compare, detected_on, words_of

ids = st.integers(0, 255)
bands = st.integers(0, BANDS - 1)
SOME_BANDS = range(0, BANDS, 3)


def silence_with_words(
    words: list[tuple[int, int]], band: int, *, level: float = 0.2
) -> NDArray[np.float32]:
    """Return silence with words given as (first sample, id)."""
    samples = np.zeros((words[-1][0] if words else 0) + RATE_HZ, dtype=np.float32)
    for at, id_ in words:
        samples[at : at + 3840] += level * word_samples(band, id_)
    return samples


@examples(5)
@given(
    spoken=st.lists(st.tuples(st.integers(6_000, 30_000), ids), min_size=1, max_size=15),
    band=bands,
    level=st.floats(0.01, 0.9),
)
def test_any_words_are_detected_with_their_time_band_and_level(
    spoken: list[tuple[int, int]], band: int, level: float
) -> None:
    starts = itertools.accumulate(3840 + pause for pause, _ in spoken)
    words = [(start, id_) for start, (_, id_) in zip(starts, spoken, strict=True)]
    detected = detect_words(silence_with_words(words, band, level=level))
    result = compare([(start / RATE_HZ, id_) for start, id_ in words], detected)
    assert not result.missed
    assert not result.unexpected
    assert max(map(abs, result.errors)) < 0.001
    assert all(word.band == band for word in detected)
    assert all(abs(word.level / level - 1) < 0.05 for word in detected)


@examples(5)
@given(pair=st.lists(bands, min_size=2, max_size=2, unique=True), spoken=st.tuples(ids, ids))
def test_simultaneous_words_in_two_bands_are_both_detected(
    pair: list[int], spoken: tuple[int, int]
) -> None:
    loud, faint = (
        silence_with_words([(20_000, id_)], band, level=level)
        for band, id_, level in zip(pair, spoken, (0.4, 0.04), strict=True)
    )
    detected = {(word.band, word.word_id) for word in detect_words(loud + faint)}
    assert detected == set(zip(pair, spoken, strict=True))


def test_every_digit_is_detected_in_every_band() -> None:
    words = [(10_000 + 12_000 * nth, 17 * nth % 256) for nth in range(16)]
    all_bands = sum(silence_with_words(words, band) for band in range(BANDS))
    detected = [(word.band, word.word_id) for word in detect_words(np.asarray(all_bands))]
    assert sorted(detected) == sorted((band, id_) for band in range(BANDS) for _, id_ in words)


def test_the_words_of_64_tracks_are_detected_in_their_mix() -> None:
    meeting = make_meeting(tracks=64, seconds=10)
    mixed = np.zeros(10 * RATE_HZ, dtype=np.float32)
    for track in meeting.tracks:
        samples = np.concatenate(list(render(track)))
        start = round(track.offset * RATE_HZ)
        mixed[start : start + samples.size] += samples

    detected = detect_words(mixed)

    for track in meeting.tracks:
        result = compare(words_of(track), detected_on(track, detected, 64))
        assert not result.missed
        assert not result.unexpected
    assert len(detected) == len(meeting.truth())


def test_words_across_window_edges_are_detected_once() -> None:
    words = [(int(RATE_HZ * (14 + 0.21 * nth)), nth) for nth in range(90)]
    detected = detect_words(silence_with_words(words, 3), bands=[3])
    assert [word.word_id for word in detected] == list(range(90))


def test_the_block_size_does_not_change_the_detected_words() -> None:
    samples = silence_with_words([(RATE_HZ * nth, nth) for nth in range(1, 20)], 5)
    assert detect_words_in_blocks(np.array_split(samples, 37)) == detect_words(samples)


def test_rendered_words_across_block_edges_are_complete() -> None:
    track = make_meeting(tracks=1, seconds=40).tracks[0]
    expected = np.zeros(round(track.duration * RATE_HZ), dtype=np.float32)
    for word in track.words:
        at = round(word.start * RATE_HZ)
        expected[at : at + 3840] += np.float32(track.level) * word_samples(track.index, word.id)

    assert any(int(word.start) != int(word.end) for word in track.words)
    assert np.array_equal(np.concatenate(list(render(track))), expected)


def test_integer_or_stereo_samples_raise_an_error() -> None:
    with pytest.raises(ValueError, match="mono float samples expected"):
        detect_words(np.zeros((2, 9), dtype=np.float32))
    with pytest.raises(ValueError, match="mono float samples expected"):
        detect_words(np.zeros(9, dtype=np.int16))


def test_silence_has_no_words() -> None:
    assert detect_words(np.zeros(0, dtype=np.float32)) == []
    assert detect_words(np.zeros(20 * RATE_HZ, dtype=np.float32)) == []


@pytest.mark.parametrize(
    ("seconds", "searched"),
    [(15, SOME_BANDS), pytest.param(60, range(BANDS), marks=pytest.mark.nightly)],
    ids=["some bands", "all bands"],
)
@pytest.mark.parametrize("rms", [0.003, 0.1])
def test_noise_has_no_words(rms: float, seconds: int, searched: range) -> None:
    noise = np.random.default_rng(1).normal(0, rms, seconds * RATE_HZ)
    assert detect_words(noise, bands=searched) == []


@pytest.mark.parametrize(
    ("seconds", "searched"),
    [(10, SOME_BANDS), pytest.param(40, range(BANDS), marks=pytest.mark.nightly)],
    ids=["some bands", "all bands"],
)
def test_speech_like_noise_has_no_words(seconds: int, searched: range) -> None:
    """Syllables of a gliding pitch with harmonics and breath."""
    rng = np.random.default_rng(2)
    time = np.arange(seconds * RATE_HZ) / RATE_HZ
    pitch_hz = 140 + 40 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    voice = sum(np.sin(nth * phase) / nth for nth in range(1, 60))
    syllables = np.clip(np.sin(2 * np.pi * 3.3 * time), 0, None)
    speech = 0.2 * syllables * (voice + rng.normal(0, 0.3, time.size))
    assert detect_words(speech, bands=searched) == []


def test_steady_tones_have_no_words() -> None:
    seconds = np.arange(15 * RATE_HZ) / RATE_HZ
    assert detect_words(0.2 * np.sin(2 * np.pi * 1000 * seconds)) == []


def test_words_are_detected_in_noise() -> None:
    words = [(RATE_HZ * nth, nth) for nth in range(1, 30)]
    samples = silence_with_words(words, 12)
    noisy = samples + np.random.default_rng(3).normal(0, 0.003, samples.size)
    detected = detect_words(noisy, bands=range(10, 15))
    assert [word.word_id for word in detected] == [id_ for _, id_ in words]


def test_tracks_that_share_a_band_take_turns() -> None:
    meeting = make_meeting(tracks=64, seconds=30)
    for word in meeting.truth():
        for edge in (word.start - 0.05, word.end + 0.05):
            assert track_of(band_of(word.track_index), edge, 64) == word.track_index


def test_a_band_without_a_track_raises_an_error() -> None:
    with pytest.raises(ValueError, match="no track of 3 uses band 3"):
        track_of(3, 0, 3)

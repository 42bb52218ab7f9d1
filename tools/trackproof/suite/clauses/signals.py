"""Fixture tracks as samples, and the words detected in samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import numpy as np
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
)
from fixtures_audio.tones import WORD_SECONDS
from trackproof.checks.displaced_words import describe_displaced
from trackproof.checks.word_matching import TimedWord, match
from trackproof.suite.assertions import ClauseViolation, expect

Channel = NDArray[np.float32]
"""Samples of one channel at 48 kHz, full scale 1."""

Samples = NDArray[np.float32]
"""Channels × samples at 48 kHz, full scale 1."""


def make_track(
    *starts: float,
    index: int = 0,
    seconds: float = 4.0,
    offset: float = 0.0,
    gaps: Sequence[tuple[float, float]] = (),
    level: float = LEVEL,
) -> Track:
    """Return a track of distinct words.

    Args:
        starts: Start of each word, in seconds from the track's first sample.
        index: The track_index, which selects the band and the words.
        seconds: Length.
        offset: Seconds from meeting start to the track's first sample.
        gaps: Spans without packets, as (start, end) in seconds.
        level: Amplitude of the words, full scale 1.
    """
    words = [
        Word(id_, text_of(id_), start, round(start + WORD_SECONDS, 3))
        for id_, start in enumerate(starts, start=1 + 16 * index % 200)
    ]
    participant = Participant(f"participant-{index}", f"Participant {index}", None)
    return Track(index, offset, seconds, tuple(words), tuple(gaps), level, participant)


def render_channels(*tracks: Track) -> Samples:
    """Return each track as one channel, without its offset."""
    return np.stack([np.concatenate(list(render(track))) for track in tracks])


def to_mono(samples: Samples) -> Channel:
    """Return the mean of all channels."""
    mean: Channel = samples.mean(axis=0)
    return mean


def similarity(one: Channel, other: Channel) -> float:
    """Return the peak of the normalised cross-correlation: 1 for equal sounds.

    Neither level nor delay counts. Two loud tones that are clipped at full scale have 0.98 with
    their sum, and 0.07 if their overflow wraps around to the opposite sign.
    """
    norm = np.linalg.norm(one.astype(np.float64)) * np.linalg.norm(other.astype(np.float64))
    return float(_cross_correlation(one, other).max() / max(norm, 1e-12))


def delay_ms(delayed: Channel, original: Channel) -> float:
    """Return the delay of a signal against its original, in milliseconds."""
    return float(np.argmax(_cross_correlation(delayed, original))) * 1000 / RATE_HZ


def _cross_correlation(one: Channel, other: Channel) -> NDArray[np.float64]:
    size = 1 << int(one.size + other.size).bit_length()
    correlation: NDArray[np.float64] = np.fft.irfft(
        np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)), size
    )
    return correlation


def median_levels(channel: Channel, tracks: Iterable[Track]) -> list[float]:
    """Return the median amplitude of each track's words in a channel; 0 without words."""
    detected = detect_words(channel)
    bands = [band_of(track.index) for track in tracks]
    return [
        median([word.level for word in detected if word.band == band] or [0.0]) for band in bands
    ]


def audible_bands(channel: Channel) -> set[int]:
    """Return the bands of the words above a quarter of the usual level."""
    return {word.band for word in detect_words(channel) if word.level > LEVEL / 4}


def expect_words(channel: Channel, tracks: Iterable[Track], tolerance_ms: float) -> None:
    """Raise a ClauseViolation unless each word of the tracks is detected once, and no other."""
    truth = Meeting(seed=0, tracks=tuple(tracks)).truth()
    result = match(
        [TimedWord(word.text, word.start) for word in truth],
        [TimedWord(word.text, word.start) for word in detect_words(channel)],
        tolerance=tolerance_ms / 1000,
    )
    track_of = {word.text: word.track_index for word in truth}
    where = describe_displaced(result, lambda text: track_of[str(text)])
    expect("; ".join([result.describe(), *where]), "words in the audio").holds(
        result.complete, f"{result.spoken} words, each once, at most {tolerance_ms:g} ms off"
    )


def expect_sample_exact(channel: Channel, tracks: Iterable[Track]) -> None:
    """Raise a ClauseViolation unless every word starts within one sample of its schedule."""
    for track in tracks:
        for word in track.words:
            start = round((track.offset + word.start) * RATE_HZ)
            band = band_of(track.index)
            what = f"delay of {word.text} in track {track.index}, in samples"
            try:
                delay = word_delay_samples(channel, band=band, word_id=word.id, at=start)
            except ValueError as error:
                raise ClauseViolation("0 ± 1", str(error), what) from error
            expect(delay, what).is_near(0, 1)

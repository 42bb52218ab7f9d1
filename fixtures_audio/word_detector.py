"""Detection of words in audio: word id, band, time and level.

Audio is processed in windows of 16 s. One FFT serves all bands: shifting the bins of a band to
zero gives a 1 kHz signal of that band alone, on which a matched filter yields the amplitude of
each tone per millisecond. A word is a maximum of two nearly pure bursts 40 ms apart with quiet
before and after; purity excludes noise, quiet excludes steady tones.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fixtures_audio.bands import BANDS, base_hz
from fixtures_audio.tones import (
    BURST_SECONDS,
    RATE_HZ,
    TONE_STEP_HZ,
    TONES,
    WORD_SECONDS,
    Samples,
    envelope,
)
from fixtures_audio.vocabulary import text_of

FAINTEST = 0.003
"""The smallest peak amplitude of a detected word (-50 dB of full scale)."""

_WINDOW_S = 16
_OVERLAP_S = 1
_HOP_HZ = 1000
_BURST = round(BURST_SECONDS * _HOP_HZ)
_QUIET_GAP = 5  # hops skipped beside a word, where codecs smear its edges
_PASS_HZ = (-40, 415)  # relative to the band, whose tones are at 0 to 375 Hz
_STOP_HZ = (-85, 460)
_MIN_PURITY = 0.5  # share of a burst's energy in its strongest tone
_MAX_NOISE = 0.35  # energy before or after the word, relative to a burst
_MIN_BALANCE = 0.5  # level of the weaker burst relative to the stronger


@dataclass(frozen=True, slots=True)
class DetectedWord:
    """A word detected in audio; seconds from the first sample, level is the peak amplitude."""

    band: int
    word_id: int
    text: str
    start: float
    end: float
    level: float


def detect_words(
    samples: NDArray[np.floating], *, bands: Iterable[int] | None = None
) -> list[DetectedWord]:
    """Return every word in mono audio at 48 kHz, ordered by (start, band).

    The harmonics of a clipped mix are detected as words in other bands, at about a tenth of the
    level of the words that cause them.

    Args:
        samples: floats, full scale 1.
        bands: bands to search; all by default.

    Raises:
        ValueError: The samples are not mono floats.
    """
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"mono float samples expected, not {samples.dtype} {samples.shape}")
    return detect_words_in_blocks([samples], bands=bands)


def detect_words_in_blocks(
    blocks: Iterable[NDArray[np.floating]], *, bands: Iterable[int] | None = None
) -> list[DetectedWord]:
    """Return every word in a stream of blocks; see `detect_words`."""
    searched = range(BANDS) if bands is None else sorted(set(bands))
    words = []
    for start, window in _windows(blocks):
        spectrum = (np.fft.rfft(window) * np.float32(2 / window.size)).astype(
            np.complex64, copy=False
        )
        for band in searched:
            words += [
                DetectedWord(band, id_, text_of(id_), start + at, start + at + WORD_SECONDS, level)
                for at, id_, level in _words_in_band(spectrum, band)
                # Windows overlap; each time belongs to the window where it is not at an edge.
                if _OVERLAP_S / 2 <= at < _WINDOW_S - _OVERLAP_S / 2
            ]
    return sorted(words, key=lambda word: (word.start, word.band))


def _windows(blocks: Iterable[NDArray[np.floating]]) -> Iterator[tuple[float, Samples]]:
    """Yield overlapping windows with their start in seconds; the first starts before 0."""
    window = np.zeros(_WINDOW_S * RATE_HZ, dtype=np.float32)
    overlap = _OVERLAP_S * RATE_HZ
    filled = overlap // 2
    start = -filled
    for block in blocks:
        taken = 0
        while taken < block.size:
            count = min(block.size - taken, window.size - filled)
            window[filled : filled + count] = block[taken : taken + count]
            taken += count
            filled += count
            if filled == window.size:
                yield start / RATE_HZ, window
                window[:overlap] = window[-overlap:]
                start += window.size - overlap
                filled = overlap
    window[filled:] = 0
    yield start / RATE_HZ, window


def _words_in_band(
    spectrum: NDArray[np.complex64], band: int
) -> Iterator[tuple[float, int, float]]:
    """Yield (seconds into the window, word id, level) of each word."""
    bins = _bins_of(band, spectrum)
    # Parseval's theorem: a window with less energy than the faintest word has none.
    energy = float(np.sum(np.abs(bins) ** 2)) * _WINDOW_S
    if energy < FAINTEST**2 * BURST_SECONDS:
        return
    signal = _at_1_khz(bins)
    energy_to = np.concatenate([[0.0], np.cumsum(np.abs(signal) ** 2, dtype=np.float64)])
    burst_energy = energy_to[_BURST:] - energy_to[:-_BURST]

    loud = burst_energy > 0.5 * _BURST * FAINTEST**2
    begins = np.flatnonzero(loud[:-_BURST] & loud[_BURST:])
    begins = begins[
        (begins >= _BURST + _QUIET_GAP)
        & (begins + 2 * _BURST + _QUIET_GAP < burst_energy.size - _BURST)
    ]
    if begins.size == 0:
        return
    tones = _tone_amplitudes(signal, begins)
    strongest = tones.max(axis=1)
    score = strongest[begins] + strongest[begins + _BURST]

    taken = np.zeros(signal.size, dtype=np.bool_)
    for at in begins[np.argsort(-score)].tolist():
        if taken[at]:
            continue
        taken[max(0, at - 2 * _BURST) : at + 2 * _BURST] = True
        digits = (int(tones[at].argmax()), int(tones[at + _BURST].argmax()))
        levels = (float(tones[at, digits[0]]), float(tones[at + _BURST, digits[1]]))
        if _is_word(at, levels, burst_energy):
            offset, gain = _peak(
                [
                    float(tones[near, digits[0]] + tones[near + _BURST, digits[1]])
                    for near in (at - 1, at, at + 1)
                ]
            )
            # The filter's centre is at 19.5 hops, the burst's at 20 ms: hence the half hop.
            yield (at + offset - 0.5) / _HOP_HZ, TONES * digits[0] + digits[1], gain / 2


def _bins_of(band: int, spectrum: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Return the bins of a band, faded out towards its neighbours."""
    first, last = (_WINDOW_S * (base_hz(band) + edge) for edge in _STOP_HZ)
    bins: NDArray[np.complex64] = spectrum[first:last] * _FADE
    return bins


def _fade() -> NDArray[np.float32]:
    hz = np.arange(_STOP_HZ[0] * _WINDOW_S, _STOP_HZ[1] * _WINDOW_S) / _WINDOW_S
    up = np.clip((hz - _STOP_HZ[0]) / (_PASS_HZ[0] - _STOP_HZ[0]), 0, 1)
    down = np.clip((_STOP_HZ[1] - hz) / (_STOP_HZ[1] - _PASS_HZ[1]), 0, 1)
    fade = np.sin(np.pi / 2 * up) ** 2 * np.sin(np.pi / 2 * down) ** 2
    return np.asarray(fade, dtype=np.float32)


_FADE = _fade()


def _at_1_khz(bins: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Return the band as an analytic signal, its base frequency shifted to zero."""
    moved = np.zeros(_WINDOW_S * _HOP_HZ, dtype=np.complex64)
    split = -_STOP_HZ[0] * _WINDOW_S
    moved[: bins.size - split] = bins[split:]
    moved[moved.size - split :] = bins[:split]
    return (np.fft.ifft(moved) * np.float32(moved.size)).astype(np.complex64, copy=False)


def _matched_filters() -> NDArray[np.complex64]:
    """Return one filter per column, with response 1 to a burst of amplitude 1."""
    shape = envelope(_HOP_HZ)
    turns = np.outer(np.arange(_BURST), TONE_STEP_HZ * np.arange(TONES)) / _HOP_HZ
    filters = shape[:, None] * np.exp(-2j * np.pi * turns) / np.sum(shape**2)
    return np.asarray(filters, dtype=np.complex64)


_FILTERS = _matched_filters()
_SHAPE_ENERGY = float(np.sum(envelope(_HOP_HZ) ** 2))


def _tone_amplitudes(
    signal: NDArray[np.complex64], begins: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the amplitude of each tone at each hop; zero where no word can start."""
    needed = np.zeros(signal.size, dtype=np.bool_)
    for shift in (-1, 0, 1):
        needed[begins + shift] = True
        needed[begins + _BURST + shift] = True
    hops = np.flatnonzero(needed)
    pieces = np.lib.stride_tricks.sliding_window_view(signal, _BURST)[hops]
    amplitudes = np.zeros((signal.size, TONES), dtype=np.float32)
    amplitudes[hops] = np.abs(pieces @ _FILTERS)
    return amplitudes


def _is_word(at: int, levels: tuple[float, float], burst_energy: NDArray[np.float64]) -> bool:
    if min(levels) < max(FAINTEST, _MIN_BALANCE * max(levels)):
        return False
    purity = [
        level**2 * _SHAPE_ENERGY / burst_energy[at + nth * _BURST]
        for nth, level in enumerate(levels)
    ]
    beside = max(burst_energy[at - _BURST - _QUIET_GAP], burst_energy[at + 2 * _BURST + _QUIET_GAP])
    quiet = beside <= _MAX_NOISE * min(levels) ** 2 * _SHAPE_ENERGY
    return bool(min(purity) >= _MIN_PURITY and quiet)


def _peak(around: list[float]) -> tuple[float, float]:
    """Return offset (hops) and height of the parabola through three neighbouring values."""
    before, here, after = around
    bend = before - 2 * here + after
    if bend >= 0:
        return 0.0, here
    offset = float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))
    return offset, here - 0.25 * (before - after) * offset

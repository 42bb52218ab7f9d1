"""Mixdown: every track's words at their times and levels; its duration and waveform."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from fixtures_audio import text_of, track_of
from trackproof.checks.displaced_words import describe_displaced
from trackproof.checks.word_matching import TimedWord, match
from trackproof.contracts.load import load_contracts
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence, Mixdown
from trackproof.runs.json_text import as_json

LEVEL_TOLERANCE = 0.10
"""Maximum relative difference of a track's gain from the median gain."""

MIN_GAIN, MAX_GAIN = 0.85, 1.1
"""The mixdown must not attenuate all tracks (amix without normalize=0) or amplify them."""

DURATION_TOLERANCE_SECONDS = 0.050
_WAVEFORM = load_contracts().tasks["generate_waveform"]
PEAK_TOLERANCE = float(_WAVEFORM.constants["peak_tolerance"])
PEAKS = int(_WAVEFORM.output["$defs"]["waveform"]["maxItems"])


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on the mixdown and its waveform."""
    if evidence.mixdown is None:
        for name in ("mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"):
            yield Check(name, passed=False, detail="there is no readable mixdown")
        return
    yield _words(evidence, evidence.mixdown)
    yield _levels(evidence, evidence.mixdown)
    yield _duration(evidence, evidence.mixdown)
    yield _waveform(evidence, evidence.mixdown)


def _words(evidence: Evidence, mixdown: Mixdown) -> Check:
    meeting = evidence.scenario.meeting
    result = match(
        (TimedWord((word.track_index, word.text), word.start) for word in meeting.truth()),
        (
            TimedWord(
                (track_of(word.band, word.start, len(meeting.tracks)), text_of(word.word_id)),
                word.start,
            )
            for word in mixdown.words
        ),
    )
    return Check(
        "mixdown.words",
        bool(result.spoken) and result.complete,
        "; ".join(
            [
                result.describe(),
                *describe_displaced(result, _track_index),
                f"error p99 {result.p99_ms:.1f} ms",
            ]
        ),
    )


def _track_index(identity: Hashable) -> int:
    """Return the track of a word's identity, which is the pair of track and text."""
    assert isinstance(identity, tuple)
    return int(identity[0])


def _levels(evidence: Evidence, mixdown: Mixdown) -> Check:
    """All tracks must have the same gain; a codec may scale all of them alike."""
    tracks = evidence.scenario.meeting.tracks
    levels = defaultdict(list)
    for word in mixdown.words:
        levels[track_of(word.band, word.start, len(tracks))].append(word.level)
    gains = {
        track.index: median(levels.get(track.index) or [0.0]) / track.level
        for track in tracks
        if track.words  # silence has no level
    }
    if not gains:
        return Check("mixdown.level", passed=False, detail="no track has words to compare")
    common = median(gains.values())
    off = {
        index: gain
        for index, gain in gains.items()
        if abs(gain - common) > LEVEL_TOLERANCE * common or not MIN_GAIN <= gain <= MAX_GAIN
    }
    detail = f"gain {min(gains.values()):.3f} to {max(gains.values()):.3f}"
    if off:
        detail += "; off: " + ", ".join(
            f"track {index} at {gain:.3f}" for index, gain in off.items()
        )
    return Check("mixdown.level", not off, detail)


def _duration(evidence: Evidence, mixdown: Mixdown) -> Check:
    truth = evidence.scenario.meeting.duration
    stated = evidence.output.get("duration")
    passed = stated is not None and all(
        abs(seconds - truth) <= DURATION_TOLERANCE_SECONDS
        for seconds in (stated, mixdown.audio.duration)
    )
    return Check(
        "mixdown.duration",
        passed,
        f"stated {as_json(stated)} s, decoded {mixdown.audio.duration:.3f} s, "
        f"meeting {truth:.3f} s",
    )


def _waveform(evidence: Evidence, mixdown: Mixdown) -> Check:
    peaks = evidence.output.get("waveform") or []
    if len(peaks) != PEAKS:
        return Check("waveform.peaks", passed=False, detail=f"{len(peaks)} peaks, not {PEAKS}")
    error = max_peak_error(peaks, np.abs(mixdown.audio.samples))
    return Check(
        "waveform.peaks", error <= PEAK_TOLERANCE, f"{PEAKS} peaks, at most {error:.4f} off"
    )


def max_peak_error(peaks: Sequence[float], levels: NDArray[np.float32]) -> float:
    """Return the largest difference between a peak and the maximum level of its audio segment.

    Args:
        peaks: The peaks of the waveform.
        levels: Absolute samples at 48 kHz.
    """
    edges = np.linspace(0, levels.size, len(peaks) + 1)
    # A maximum at a segment border may count for either side: a tolerance of 1 ms.
    grace = 48
    off = 0.0
    for value, begin, end in zip(peaks, edges[:-1], edges[1:], strict=True):
        wide = levels[max(0, int(begin) - grace) : int(end) + grace].max(initial=0.0)
        narrow = levels[int(begin) + grace : max(int(begin) + grace, int(end) - grace)]
        off = max(off, value - float(wide), float(narrow.max(initial=0.0)) - value)
    return off

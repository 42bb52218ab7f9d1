"""Does the mixdown carry every track's words, at their times and equally loud?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from fixtures_audio import text_of, track_of
from trackproof.checks.word_matching import Timed, match
from trackproof.contracts.load import load_contracts
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence, Mixdown

LEVEL_TOLERANCE = 0.10
"""How far a track's gain may be from the others', as a share of it."""

LEAST_GAIN, MOST_GAIN = 0.85, 1.1
"""The mixdown must not turn everybody down (amix without normalize=0) or up."""

DURATION_TOLERANCE_SECONDS = 0.050
_WAVEFORM = load_contracts().tasks["generate_waveform"]
PEAK_TOLERANCE = float(_WAVEFORM.constants["peak_tolerance"])
PEAKS = int(_WAVEFORM.output["$defs"]["waveform"]["maxItems"])


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on the mixdown and its waveform."""
    if evidence.mixdown is None:
        for name in ("mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"):
            yield Check(name, passed=False, detail="there is no mixdown that can be read")
        return
    yield _words(evidence, evidence.mixdown)
    yield _levels(evidence, evidence.mixdown)
    yield _duration(evidence, evidence.mixdown)
    yield _waveform(evidence, evidence.mixdown)


def _words(evidence: Evidence, mixdown: Mixdown) -> Check:
    meeting = evidence.scenario.meeting
    found = match(
        (Timed((word.track_index, word.text), word.start) for word in meeting.truth()),
        (
            Timed(
                (track_of(word.band, word.start, len(meeting.tracks)), text_of(word.word_id)),
                word.start,
            )
            for word in mixdown.words
        ),
    )
    return Check(
        "mixdown.words", found.complete, f"{found.describe()}; error p99 {found.p99_ms:.1f} ms"
    )


def _levels(evidence: Evidence, mixdown: Mixdown) -> Check:
    """Tracks are spoken equally loud, so they must be heard equally loud; a codec may scale all."""
    tracks = evidence.scenario.meeting.tracks
    heard = defaultdict(list)
    for word in mixdown.words:
        heard[track_of(word.band, word.start, len(tracks))].append(word.level)
    gains = {track.index: median(heard.get(track.index) or [0.0]) / track.level for track in tracks}
    usual = median(gains.values())
    off = {
        index: gain
        for index, gain in gains.items()
        if abs(gain - usual) > LEVEL_TOLERANCE * usual or not LEAST_GAIN <= gain <= MOST_GAIN
    }
    seen = f"gain {min(gains.values()):.3f} to {max(gains.values()):.3f}"
    if off:
        seen += "; off: " + ", ".join(f"track {index} at {gain:.3f}" for index, gain in off.items())
    return Check("mixdown.level", not off, seen)


def _duration(evidence: Evidence, mixdown: Mixdown) -> Check:
    truth = evidence.scenario.meeting.duration
    stated = evidence.output.get("duration")
    good = stated is not None and all(
        abs(seconds - truth) <= DURATION_TOLERANCE_SECONDS
        for seconds in (stated, mixdown.audio.duration)
    )
    return Check(
        "mixdown.duration",
        good,
        f"stated {stated} s, audible {mixdown.audio.duration:.3f} s, meeting {truth:.3f} s",
    )


def _waveform(evidence: Evidence, mixdown: Mixdown) -> Check:
    drawn = evidence.output.get("waveform") or []
    if len(drawn) != PEAKS:
        return Check("waveform.peaks", passed=False, detail=f"{len(drawn)} peaks, not {PEAKS}")
    off = furthest_peak(drawn, np.abs(mixdown.audio.samples))
    return Check("waveform.peaks", off <= PEAK_TOLERANCE, f"{PEAKS} peaks, at most {off:.4f} off")


def furthest_peak(drawn: Sequence[float], levels: NDArray[np.float32]) -> float:
    """Return how far the worst of some peaks is from the highest level in its share of audio.

    Args:
        drawn: The peaks.
        levels: Absolute samples at 48 kHz.
    """
    edges = np.linspace(0, levels.size, len(drawn) + 1)
    # A peak on a border may be drawn on either side of it: a millisecond of grace.
    grace = 48
    off = 0.0
    for value, begin, end in zip(drawn, edges[:-1], edges[1:], strict=True):
        wide = levels[max(0, int(begin) - grace) : int(end) + grace].max(initial=0.0)
        narrow = levels[int(begin) + grace : max(int(begin) + grace, int(end) - grace)]
        off = max(off, value - float(wide), float(narrow.max(initial=0.0)) - value)
    return off

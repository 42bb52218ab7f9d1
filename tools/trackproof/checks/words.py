"""Is every word of every track in the merged transcript, at its time, by its speaker?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from trackproof.checks.word_matching import TOLERANCE_SECONDS, Timed, match
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence

DISPLACED_SECONDS = 1.0
"""A word this far from its time is the same word, told at a wrong time."""


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on the merged transcript."""
    merged = evidence.output.get("all_words") or []
    truth = evidence.scenario.meeting.truth()

    by_text = match(
        (Timed(word.text, word.start) for word in truth),
        (Timed(word["word"], word["start"]) for word in merged),
    )
    yield Check("words.complete", by_text.complete, by_text.describe())

    by_speaker = match(
        (Timed((word.track_index, word.text), word.start) for word in truth),
        (Timed((word["speaker"], word["word"]), word["start"]) for word in merged),
    )
    speakers = len({word.track_index for word in truth})
    right = (
        f"{by_speaker.found} of {by_speaker.spoken} words by the right one of {speakers} speakers"
    )
    yield Check("words.speaker", by_speaker.complete, "; ".join([right, *by_speaker.misses()]))

    displaced = match(by_text.missing, by_text.surplus, tolerance=DISPLACED_SECONDS)
    errors_ms = (*by_text.errors_ms, *displaced.errors_ms)
    p99_ms = float(np.percentile(errors_ms, 99)) if errors_ms else 0.0
    worst = max(errors_ms, default=0.0)
    yield Check(
        "words.time",
        bool(errors_ms) and worst <= TOLERANCE_SECONDS * 1000 + 0.001,
        f"error p99 {p99_ms:.1f} ms, worst {worst:.1f} ms of {TOLERANCE_SECONDS * 1000:g}",
    )

    starts = [word["start"] for word in merged]
    early = sum(later < earlier for earlier, later in pairwise(starts))
    counted = evidence.output.get("word_count")
    yield Check(
        "words.sorted",
        early == 0 and counted == len(merged),
        f"{early} out of order; {counted} counted, {len(merged)} listed",
    )

"""Words: the merged transcript has every spoken word once, with its time and speaker."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from trackproof.checks.word_matching import TOLERANCE_SECONDS, TimedWord, match
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.json_text import as_json

DISPLACED_SECONDS = 1.0
"""Up to this distance, a word counts as displaced instead of missing."""


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the checks on the merged transcript."""
    merged = evidence.output.get("all_words") or []
    truth = evidence.scenario.meeting.truth()

    by_text = match(
        (TimedWord(word.text, word.start) for word in truth),
        (TimedWord(word["word"], word["start"]) for word in merged),
    )
    # Of no words every transcript is complete: a meeting without words proves nothing.
    yield Check("words.complete", bool(truth) and by_text.complete, by_text.describe())

    by_speaker = match(
        (TimedWord((word.track_index, word.text), word.start) for word in truth),
        (TimedWord((word["speaker"], word["word"]), word["start"]) for word in merged),
    )
    speakers = len({word.track_index for word in truth})
    counts = (
        f"{by_speaker.matched} of {by_speaker.spoken} words attributed to the right one of "
        f"{speakers} speakers"
    )
    complete = bool(truth) and by_speaker.complete
    yield Check("words.speaker", complete, "; ".join([counts, *by_speaker.misses()]))

    displaced = match(by_text.missing, by_text.surplus, tolerance=DISPLACED_SECONDS)
    errors_ms = (*by_text.errors_ms, *displaced.errors_ms)
    p99_ms = float(np.percentile(errors_ms, 99)) if errors_ms else 0.0
    worst = max(errors_ms, default=0.0)
    yield Check(
        "words.time",
        bool(errors_ms) and worst <= TOLERANCE_SECONDS * 1000 + 0.001,
        f"error p99 {p99_ms:.1f} ms, worst {worst:.1f} ms of {TOLERANCE_SECONDS * 1000:g}"
        if errors_ms
        else "no word to compare: see words.complete",
    )

    starts = [word["start"] for word in merged]
    early = sum(later < earlier for earlier, later in pairwise(starts))
    counted = evidence.output.get("word_count")
    yield Check(
        "words.sorted",
        bool(merged) and early == 0 and counted == len(merged),
        f"{early} out of order; word_count {as_json(counted)}, {len(merged)} listed",
    )

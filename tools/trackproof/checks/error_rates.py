"""Quality: the error rates of the transcript are within the scenario's limits."""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.events.runs import Check
from trackproof.runs.error_rates import measure, transcript_words, truth_words
from trackproof.runs.evidence import Evidence


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the check on the error rates."""
    limits = evidence.scenario.limits
    rates = measure(
        truth_words(evidence.scenario.meeting),
        transcript_words(evidence.output.get("all_words") or []),
        limits.collar_seconds,
    )
    yield Check("quality", rates.within(limits), rates.describe(limits))

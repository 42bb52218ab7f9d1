"""Is the transcript as a whole as good as the scenario asks?"""

from __future__ import annotations

from collections.abc import Iterator

from trackproof.events.runs import Check
from trackproof.runs.error_rates import measure, spoken, transcribed
from trackproof.runs.evidence import Evidence


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on the transcript as a whole."""
    limits = evidence.scenario.limits
    found = measure(
        spoken(evidence.scenario.meeting),
        transcribed(evidence.output.get("all_words") or []),
        limits.collar_seconds,
    )
    yield Check("quality", found.within(limits), found.describe(limits))

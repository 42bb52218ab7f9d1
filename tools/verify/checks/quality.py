"""Is the transcript as a whole as good as the scenario asks?"""

from __future__ import annotations

from collections.abc import Iterator

from tools.verify.events import Check
from tools.verify.evidence import Evidence
from tools.verify.quality import measure, spoken, transcribed


def checks(evidence: Evidence) -> Iterator[Check]:
    """Yield the verdict on the transcript as a whole."""
    limits = evidence.scenario.limits
    found = measure(
        spoken(evidence.scenario.meeting),
        transcribed(evidence.output.get("all_words") or []),
        limits.collar_seconds,
    )
    yield Check("quality", found.within(limits), found.describe(limits))

"""The checks a run is judged by. Each takes the evidence and says what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tools.verify.checks import delivery, llm, mixdown, pipeline, state, storage, words
from tools.verify.events import Check
from tools.verify.evidence import Evidence

CHECKS: tuple[Callable[[Evidence], Iterator[Check]], ...] = (
    pipeline.checks,
    words.checks,
    mixdown.checks,
    storage.checks,
    llm.checks,
    state.checks,
    delivery.checks,
)


def judge(evidence: Evidence) -> Iterator[Check]:
    """Yield every check's result, in the order of the pipeline."""
    for checks in CHECKS:
        yield from checks(evidence)

"""The checks a run is judged by. Each takes the evidence and says what it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from trackproof.checks import (
    delivery,
    error_rates,
    llm,
    mixdown,
    pipeline,
    secrets,
    state,
    storage,
    words,
)
from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence

Checks = Callable[[Evidence], Iterator[Check]]

CHECKS: Mapping[Checks, tuple[str, ...]] = {
    pipeline.checks: ("steps.completed", "steps.order", "steps.forks", "deliveries.optional"),
    words.checks: ("words.complete", "words.speaker", "words.time", "words.sorted"),
    error_rates.checks: ("quality",),
    mixdown.checks: ("mixdown.words", "mixdown.level", "mixdown.duration", "waveform.peaks"),
    storage.checks: ("storage.keys", "storage.presigned", "consent.honoured"),
    llm.checks: ("llm.topic_calls", "llm.chunks", "llm.summary_calls", "llm.tracers"),
    state.checks: ("database.result", "database.events", "events.schema"),
    secrets.checks: ("secrets.kept",),
    delivery.checks: (
        "zulip.message",
        "webhook.signature",
        "webhook.payload",
        "services.accepted",
        "services.contract",
    ),
}
"""Every check by its id, in the order of the pipeline; a verdict always names them all."""


def judge(evidence: Evidence) -> Iterator[Check]:
    """Yield every check's result, in the order of the pipeline."""
    for checks, ids in CHECKS.items():
        told = set()
        try:
            for check in checks(evidence):
                told.add(check.id)
                yield check
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # A fleet may answer anything: what cannot be read fails the check, not the command.
            for missing in (name for name in ids if name not in told):
                yield Check(missing, False, f"what the fleet left cannot be judged: {error!r}")

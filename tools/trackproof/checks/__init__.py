"""Checks on the evidence of a run, one module for each theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from trackproof.checks import (
    delivery,
    error_rates,
    ledger,
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
    ledger.checks: ("effects.outside", "effects.stored"),
}
"""The ids of all checks, by the function that yields them, in pipeline order."""


def judge(evidence: Evidence) -> Iterator[Check]:
    """Yield exactly one result for each check, in pipeline order."""
    for checks, ids in CHECKS.items():
        reported = set()
        try:
            for check in checks(evidence):
                reported.add(check.id)
                yield check
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # A fleet may return anything: unreadable evidence fails the check, not the command.
            for missing in (name for name in ids if name not in reported):
                yield Check(
                    missing, False, f"the evidence cannot be read: {type(error).__name__}: {error}"
                )

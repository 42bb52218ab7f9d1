"""The stages of a trial, and the clauses that need each of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

Stage = Literal["bad", "starts", "failures", "alone", "legacy", "shadow", "outage", "unknown"]

STAGES: Final[Mapping[Stage, frozenset[str]]] = {
    "bad": frozenset(
        f"trigger.{name}"
        for name in (
            *("signature", "too-large", "unreadable", "unknown-room", "no-tracks", "bad-keys"),
            *("other-events", "refusal-log"),
        )
    ),
    "starts": frozenset(
        {
            *("trigger.webhook", "trigger.polling", "trigger.once", "trigger.input"),
            *("trigger.cam-audio", "trigger.workflow-id", "trigger.log", "switch.conductor-only"),
        }
    ),
    "failures": frozenset(
        f"switch.{name}"
        for name in ("fallback-error", "fallback-hang", "lost-answer", "fallback-log")
    ),
    "alone": frozenset({"trigger.repeated", "switch.no-fallback", "deployment.without-legacy"}),
    "legacy": frozenset({"switch.legacy-only"}),
    "shadow": frozenset(
        {
            *("switch.shadow", "switch.shadow-completes", "switch.shadow-silent"),
            *("comparison.texts", "comparison.topics", "comparison.words"),
            *("comparison.duration", "comparison.edge-cases"),
        }
    ),
    "outage": frozenset({"switch.fallback-refused", "switch.outage", "switch.fallback-log"}),
    "unknown": frozenset({"switch.unknown-value"}),
}
"""The clauses that need each stage of a trial."""

OF_LEGACY: Final[frozenset[Stage]] = frozenset({"legacy", "shadow", "outage"})
"""Stages that only a product with a legacy pipeline has."""


def needed_stages(clauses: Collection[str], *, has_legacy: bool) -> frozenset[Stage]:
    """Return the stages that some clauses need.

    Args:
        clauses: Their ids.
        has_legacy: Whether the product has a legacy pipeline.
    """
    needed = {name for name, judged in STAGES.items() if judged & set(clauses)}
    return frozenset(needed if has_legacy else needed - OF_LEGACY)

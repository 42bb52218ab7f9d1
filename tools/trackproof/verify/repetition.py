"""The result of a clause that failed and ran again alone."""

from __future__ import annotations

from dataclasses import replace

from trackproof.events.verdict import ClauseResult


def is_repeatable(result: ClauseResult) -> bool:
    """Return whether a clause runs again before the verdict."""
    return result.status in {"failed", "error"}


def combine(first: ClauseResult, second: ClauseResult | None) -> ClauseResult:
    """Return the final result of a clause that ran again; None if it did not."""
    if second is None or second.status not in {"passed", "deviates", "failed", "error"}:
        return first
    if second.accepted:
        note = "it passed when it ran again alone"
        return replace(first, status="unsteady", observed=f"{first.observed} ({note})")
    if first.status == "error" and second.status == "failed":
        return replace(
            second,
            test=first.test,
            repeat=first.repeat,
            failure=first.failure,
            replay=first.replay,
        )
    return first

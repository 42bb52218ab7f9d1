"""What a run's failed checks say."""

from __future__ import annotations

from trackproof.events.runs import RunEnded


def failed_checks(ended: RunEnded) -> list[str]:
    return [f"{check.id}: {check.detail}" for check in ended.checks if not check.passed]

"""Checks that need data which a fleet does not expose."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from trackproof.events.runs import Check
from trackproof.fleet import FleetProfile


def as_declared(check: Check, profile: FleetProfile, today: date) -> Check:
    """Return a check that needs invisible data as the profile's `[not_visible]` declares it."""
    if not check.not_visible:
        return check
    declared = profile.not_visible.get(check.not_visible)  # type: ignore[call-overload]
    if declared is None:
        advice = f"expose it, or declare `{check.not_visible}` in [not_visible] with a reason"
        return replace(check, detail=f"not judged: {check.detail}; {advice}")
    if declared.until is not None and today > declared.until:
        overdue = f"declared until {declared.until}: {declared.reason}"
        return replace(check, detail=f"not judged: {check.detail}; {overdue}")
    return replace(check, accepted=True, detail=f"not visible: {declared.reason}")

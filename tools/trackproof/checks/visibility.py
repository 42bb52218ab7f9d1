"""Checks on data that a fleet's profile may not expose."""

from __future__ import annotations

from collections.abc import Callable

from trackproof.events.runs import Check
from trackproof.runs.evidence import Evidence
from trackproof.runs.unavailable import NotVisible


def if_visible(check_id: str, check: Callable[[Evidence], Check], evidence: Evidence) -> Check:
    """Return the result of `check`, or one that is not judged if it needs invisible data."""
    try:
        return check(evidence)
    except NotVisible as error:
        return Check(check_id, passed=False, detail=str(error), not_visible=error.part)

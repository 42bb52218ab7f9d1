"""Time limits of the reference fleet and of the definitions, scaled to seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed

SCALED_TIMES: Final = {
    "OUTSIDE_TIMEOUT_SECONDS": "2",
    "TRANSCRIPTION_TIMEOUT_SECONDS": "8",
    "RECONCILE_SECONDS": "1",
    "POLL_INTERVAL_MS": "300",
}
"""The reference fleet's own time limits, scaled as its definitions are; and fewer polls, which are
most of the work of lanes that wait."""

RESPONSE_SECONDS: Final = 6
"""Every task's response time-out."""
TASK_SECONDS: Final = 60
"""Every task's time-out."""


def scaled(profile: FleetProfile) -> FleetProfile:
    """Return the reference fleet with scaled time limits; any other as it is."""
    if profile.name != REFERENCE.name:
        return profile
    return replace(profile, environment={**profile.environment, **SCALED_TIMES})


def scale_definitions(testbed: Testbed) -> None:
    """Shorten the time-outs and pauses of every registered task."""
    for definition in testbed.rest.task_definitions():
        limits: dict[str, Any] = {
            "responseTimeoutSeconds": RESPONSE_SECONDS,
            "timeoutSeconds": TASK_SECONDS,
            "retryDelaySeconds": min(1, int(definition.get("retryDelaySeconds") or 0)),
        }
        testbed.rest.update_task_definition({**definition, **limits})

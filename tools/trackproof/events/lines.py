"""Events as JSON data, one line each."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from trackproof.events.stream import Event

BEFORE_CAPITALS: Final = re.compile(r"(?<!^)(?=[A-Z])")


def event_as_json(event: Event, now: datetime) -> dict[str, Any]:
    """Return an event's name (`run_started`), the time in UTC, and its fields."""
    name = BEFORE_CAPITALS.sub("_", type(event).__name__).lower()
    at = now.isoformat(timespec="milliseconds")
    return {"event": name, "at": at, **asdict(event)}

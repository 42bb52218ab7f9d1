"""What of a run's evidence can be judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visibility:
    """What of a run's evidence is there and the run's own."""

    rows: bool
    events: bool
    requests: bool
    """Whether the requests and objects are the run's alone: no other work ran beside it."""

"""The state of a pipeline step at one moment of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepState:
    """One pipeline step at one moment."""

    name: str
    status: str
    attempts: int
    """Sum over all branches."""
    started_at: float | None
    """Epoch seconds."""
    seconds: float
    branches_done: int
    branches: int
    """0 unless the step is a dynamic fork."""
    reason: str
    """The last failure's reason, as the fleet reported it; empty if no attempt failed."""

    @property
    def ended_at(self) -> float | None:
        """Epoch seconds of the end; None before it started."""
        return None if self.started_at is None else self.started_at + self.seconds

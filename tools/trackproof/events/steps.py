"""The state of one pipeline step at one moment of a run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of a run at one moment."""

    name: str
    status: str
    attempts: int
    """Of all branches together."""
    started_at: float | None
    """Epoch seconds."""
    seconds: float
    branches_done: int
    branches: int
    """0 for a step that is no dynamic fork."""
    reason: str
    """Why it failed, in the fleet's words; empty otherwise."""

    @property
    def ended_at(self) -> float | None:
        """Epoch seconds of the end; None before it started."""
        return None if self.started_at is None else self.started_at + self.seconds

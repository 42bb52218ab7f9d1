"""Events of one meeting that runs through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from trackproof.events.steps import StepState


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The workflow runs."""

    workflow_id: str
    tracks: int
    backend: str
    version: str


@dataclass(frozen=True, slots=True)
class StepsSeen:
    """The pipeline's steps as they stand now."""

    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the verdict rests on."""

    id: str
    passed: bool
    detail: str
    """What was seen, with figures."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The verdict."""

    status: str
    """The workflow's own status."""
    workflow_id: str
    tracks: int
    backend: str
    version: str
    seconds: float
    """From the start of the run to its verdict, the server's start included."""
    steps: tuple[StepState, ...]
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

"""Events of `trackproof run`: one meeting through the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from trackproof.events.steps import StepState


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The workflow has started."""

    workflow_id: str
    tracks: int
    backend: str
    version: str


@dataclass(frozen=True, slots=True)
class StepsSeen:
    """The current state of every pipeline step."""

    steps: tuple[StepState, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    id: str
    passed: bool
    detail: str
    """What was observed, with figures."""


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run has ended and every check has a result."""

    status: str
    """The workflow's status."""
    workflow_id: str
    tracks: int
    backend: str
    version: str
    seconds: float
    """From the start of the command to the verdict, including the server's start."""
    steps: tuple[StepState, ...]
    checks: tuple[Check, ...]

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return not self.failed_checks

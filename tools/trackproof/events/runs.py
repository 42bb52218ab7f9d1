"""Events of `trackproof run`: one meeting through the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from trackproof.events.steps import StepState

MAX_LISTED: Final = 5
"""Problems that the detail of a check lists."""


@dataclass(frozen=True, slots=True)
class AudioProgress:
    """How much of a meeting's audio is written."""

    tracks: int
    written: float
    """Seconds, summed over the tracks."""
    total: float
    """Seconds, summed over the tracks."""
    ended: bool = False
    """Whether this is the last report: the audio is complete, or the writing was interrupted."""

    @property
    def percent(self) -> int:
        """The written part in percent."""
        return int(100 * self.written / self.total) if self.total else 0


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

    @classmethod
    def of(cls, check_id: str, problems: Sequence[str], *, otherwise: str) -> Self:
        """Return a check that fails with the problems, or passes with another detail."""
        if not problems:
            return cls(check_id, True, otherwise)
        more = len(problems) - MAX_LISTED
        listed = "; ".join(problems[:MAX_LISTED])
        return cls(check_id, False, f"{listed} and {more} more" if more > 0 else listed)


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

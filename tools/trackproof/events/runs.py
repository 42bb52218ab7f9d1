"""Events of `trackproof run`: one meeting through the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Self

from trackproof.events.meeting import MeetingResult
from trackproof.events.steps import StepState
from trackproof.events.timeline import Timeline

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
class AttemptsSeen:
    """The timeline of a run that is under way, after an attempt has changed."""

    timeline: Timeline


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    id: str
    passed: bool
    detail: str
    """What was observed, with figures."""
    not_visible: str = ""
    """The part of the fleet's data that the check needs and cannot see; it is then not judged."""
    accepted: bool = False
    """Whether the profile declares that part as not visible, with a reason."""

    @property
    def fails(self) -> bool:
        """Whether the check fails the verdict."""
        return not (self.passed or self.accepted)

    @property
    def status(self) -> Literal["passed", "failed", "not_visible"]:
        """The result in one word: `not_visible` only if the profile declares it."""
        if self.passed:
            return "passed"
        return "not_visible" if self.accepted else "failed"

    @classmethod
    def of(cls, check_id: str, problems: Sequence[str], *, otherwise: str) -> Self:
        """Return a check that fails with the problems, or passes with another detail."""
        if not problems:
            return cls(check_id, True, otherwise)
        more = len(problems) - MAX_LISTED
        listed = "; ".join(problems[:MAX_LISTED])
        return cls(check_id, False, f"{listed} and {more} more" if more > 0 else listed)


@dataclass(frozen=True, slots=True)
class ResultSeen:
    """The meeting's result, as a person looks at it; before `RunEnded`."""

    result: MeetingResult


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
    fleet: str = "reference"
    """The name of the fleet's profile."""
    timeline: Timeline | None = None
    """None if the workflow did not start."""
    interrupted: str = ""
    """Why the run ended early; empty if it ran to its end."""

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """The checks that fail the verdict."""
        return tuple(check for check in self.checks if check.fails)

    @property
    def passed(self) -> bool:
        """Whether it ran to its end and no check fails it."""
        return not self.failed_checks and not self.interrupted

    @property
    def word(self) -> str:
        """The verdict in one word or three."""
        if self.interrupted:
            return "INTERRUPTED"
        if not self.passed:
            return "FAILED"
        return "HELD IN PART" if any(check.accepted for check in self.checks) else "HELD"

    @property
    def headline(self) -> str:
        """The verdict and its figures in one line, the same in every report."""
        total = len(self.checks)
        unseen = sum(check.accepted for check in self.checks)
        match self.word:
            case "INTERRUPTED":
                state = f"the workflow is {self.status}" if self.timeline else "no workflow started"
                return f"INTERRUPTED: {state}, {self.seconds:.1f} s"
            case "FAILED":
                names = ", ".join(check.id for check in self.failed_checks)
                count = f"{len(self.failed_checks)} of {total} checks ({names})"
                return f"FAILED: {count}, {self.seconds:.1f} s"
            case "HELD":
                return f"HELD: {total} of {total} checks, {self.seconds:.1f} s"
            case _:
                judged = f"{total - unseen} of {total} checks judged, {unseen} not visible"
                return f"HELD IN PART: {judged}, {self.seconds:.1f} s"

"""The stream of events: what writers take, whichever command emits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trackproof.events.mutants import MutantFinished, MutantsEnded
from trackproof.events.runs import Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.verification import (
    ClauseFinished,
    ClauseStarted,
    EnvironmentKept,
    EnvironmentStarted,
    VerifyEnded,
)


@dataclass(frozen=True, slots=True)
class Note:
    """One line on the environment."""

    text: str


Event = (
    Note
    | RunStarted
    | StepsSeen
    | Check
    | RunEnded
    | EnvironmentStarted
    | ClauseStarted
    | ClauseFinished
    | VerifyEnded
    | EnvironmentKept
    | MutantFinished
    | MutantsEnded
)


class Writer(Protocol):
    """Takes the stream."""

    def write(self, event: Event) -> None:
        """Take one event."""

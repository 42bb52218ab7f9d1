"""The event stream that every command emits and every report writer consumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trackproof.events.runs import (
    AttemptsSeen,
    AudioProgress,
    Check,
    ResultSeen,
    RunEnded,
    RunStarted,
    StepsSeen,
)
from trackproof.events.verification import (
    ClauseFinished,
    ClauseStarted,
    EnvironmentKept,
    EnvironmentStarted,
    VerifyEnded,
)


@dataclass(frozen=True, slots=True)
class Note:
    """One line about the environment."""

    text: str


Event = (
    Note
    | AudioProgress
    | RunStarted
    | StepsSeen
    | AttemptsSeen
    | Check
    | ResultSeen
    | RunEnded
    | EnvironmentStarted
    | ClauseStarted
    | ClauseFinished
    | VerifyEnded
    | EnvironmentKept
)


class Writer(Protocol):
    """Consumer of an event stream."""

    def write(self, event: Event) -> None:
        """Consume one event."""

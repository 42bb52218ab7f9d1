"""The timeline of one run: attempts, outcomes, costs, and the first cause of a failure."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one attempt, or the sum of several."""

    seconds: float = 0.0
    """Time spent in the worker; Conductor's times include queueing and transport."""
    runs: int = 0
    calls: int = 0
    """Requests to outside services."""
    remembered: int = 0
    """Answers taken from a cache instead of a request."""
    bytes_in: int = 0
    bytes_out: int = 0
    audio_seconds: float = 0.0
    """Duration of the decoded audio."""
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Cost) -> Cost:
        """Add field by field."""
        return Cost(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One attempt at one task."""

    task_id: str
    reference: str
    task_type: str
    number: int
    """Counts from 1."""
    status: str
    began: float | None
    """Seconds since the workflow started; None while the task waits for a worker."""
    seconds: float
    """Duration as Conductor measures it; until now for a running attempt."""
    waited: float
    """Seconds in the queue; until now for a queued attempt."""
    reason: str
    optional: bool
    cost: Cost | None
    failed: bool = False
    """Whether the attempt ended unsuccessfully."""

    @property
    def end(self) -> float:
        """Seconds from the start of the workflow to the end of the attempt."""
        return (self.began or 0.0) + self.seconds


@dataclass(frozen=True, slots=True)
class Timeline:
    """All attempts of one run."""

    workflow_id: str
    name: str
    status: str
    seconds: float
    """Duration of the run; until now if it is still running."""
    attempts: tuple[TimelineEntry, ...]
    """By start time; queued attempts come last."""
    cost: Cost | None
    """Sum of all attempts; None without a cost table."""
    cause: str
    """The first cause of the failure, in one line; empty if the run has not failed."""

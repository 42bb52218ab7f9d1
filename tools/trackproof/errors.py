"""Every failure a user can meet, and the exit code each one ends the command with.

An error says what happened, shows the evidence and ends with a hint on what to do.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell sees: the one table of exit codes."""

    HELD = 0
    CHECK_FAILED = 1
    ENVIRONMENT = 2


class TrackproofError(Exception):
    """Base of all errors meant for a user's eyes."""

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, what: str, *, evidence: str = "", hint: str = "") -> None:
        """Keep the parts, so that a report can lay them out its own way.

        Args:
            what: One sentence: what was expected and what was seen instead.
            evidence: Log lines or a server's answer, verbatim; may be empty.
            hint: What the user can do about it.
        """
        super().__init__(what)
        self.what = what
        self.evidence = evidence
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.evidence:
            parts.append("\n".join(f"  | {line}" for line in self.evidence.splitlines()))
        if self.hint:
            parts.append(f"Hint: {self.hint}")
        return "\n".join(parts)


class UsageError(TrackproofError):
    """The command was asked for something it cannot mean."""


class TestbedError(TrackproofError):
    """A part of the testbed could not be started or reached."""

    __test__ = False  # pytest: not a test class


class FleetError(TrackproofError):
    """The fleet under test did not start, or died."""


class DeadlineError(TrackproofError):
    """A condition did not come true in time."""

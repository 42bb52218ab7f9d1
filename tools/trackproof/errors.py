"""Errors shown to the user, and the exit codes of commands.

An error has a message, evidence and a hint.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of all commands."""

    HELD = 0
    CHECK_FAILED = 1
    ENVIRONMENT = 2


class TrackproofError(Exception):
    """Base class of errors shown to the user."""

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, what: str, *, evidence: str = "", hint: str = "") -> None:
        """Create an error whose parts a report can format.

        Args:
            what: One sentence: what was expected and what happened instead.
            evidence: Log lines or a server's response, verbatim; may be empty.
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
    """A command has invalid arguments."""


class TestbedError(TrackproofError):
    """A part of the testbed cannot be started or reached."""

    __test__ = False  # pytest: not a test class


class FleetError(TrackproofError):
    """The fleet under test did not start or has died."""


class DeadlineError(TrackproofError):
    """A condition did not hold before its deadline."""

"""Exceptions of the fleet.

A worker raises TransientError (Conductor retries: FAILED) or PermanentError (no retry:
FAILED_WITH_TERMINAL_ERROR); a command raises StartupError.
"""

from __future__ import annotations


class StartupError(Exception):
    """A command cannot start in this environment; the message ends with a `Hint:`."""


class WorkerError(Exception):
    """Base of all errors that a worker raises on purpose."""


class TransientError(WorkerError):
    """The task may succeed on a retry.

    Attributes:
        retry_after: Seconds for which the service wants no further request; 0 if it did not say.
    """

    def __init__(self, *args: object, retry_after: float = 0.0) -> None:
        """Take the message, and the service's wish if it has one."""
        super().__init__(*args)
        self.retry_after = retry_after


class OutageError(TransientError):
    """The fleet's own storage or database gives no answer: the same attempt waits for it."""


class ConflictError(TransientError):
    """Another transaction wrote the same row first."""


class PermanentError(WorkerError):
    """The task cannot succeed on a retry."""


class MissingError(PermanentError):
    """The requested object does not exist."""

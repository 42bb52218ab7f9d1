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
    """The task may succeed on a retry."""


class ConflictError(TransientError):
    """Another transaction wrote the same row first."""


class PermanentError(WorkerError):
    """The task cannot succeed on a retry."""


class MissingError(PermanentError):
    """The requested object does not exist."""

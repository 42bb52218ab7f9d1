"""The two ways a worker fails, which the runner maps to Conductor's two failed states.

And the one way a command of the fleet does.
"""

from __future__ import annotations


class StartupError(Exception):
    """What the environment names is of no use: what was expected, what was seen, what to do."""


class WorkerError(Exception):
    """Base of what a worker says when it cannot do its work."""


class TransientError(WorkerError):
    """It may work next time: Conductor retries (FAILED)."""


class ConflictError(TransientError):
    """Another was quicker to write the same row."""


class PermanentError(WorkerError):
    """It will not work next time either: no retry (FAILED_WITH_TERMINAL_ERROR)."""


class MissingError(PermanentError):
    """What was asked for is not there."""

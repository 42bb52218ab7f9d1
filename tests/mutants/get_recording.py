"""Bugs of get_recording."""

from __future__ import annotations

from tests.mutants.mutant import Mutant, with_definition

MUTANTS = (
    Mutant(
        "get_recording-five-retries",
        "get_recording",
        "it is registered with five retries",
        with_definition("get_recording", retryCount=5),
        killed_by=("get_recording.definition",),
        where="register",
    ),
    Mutant(
        "get_recording-never-polls",
        "get_recording",
        "its result is never complete: it fails for good each time",
        """
        import reference_workers.workers as workers
        from reference_workers.errors import PermanentError
        def broken(context, **_):
            raise PermanentError("not today")
        workers.WORKERS["get_recording"] = broken
        """,
        killed_by=("get_recording.polls",),
    ),
    Mutant(
        "get_recording-snake-session",
        "get_recording",
        "the session is read from a field that Daily does not have",
        """
        import reference_workers.workers as workers
        right = workers.WORKERS["get_recording"]
        def wrong(context, **fields):
            return {**right(context, **fields), "mtg_session_id": None}
        workers.WORKERS["get_recording"] = wrong
        """,
        killed_by=("get_recording.output",),
    ),
    Mutant(
        "get_recording-milliseconds",
        "get_recording",
        "the duration is told in milliseconds",
        """
        import reference_workers.workers as workers
        right = workers.WORKERS["get_recording"]
        def wrong(context, **fields):
            told = right(context, **fields)
            return {**told, "duration": told["duration"] * 1000}
        workers.WORKERS["get_recording"] = wrong
        """,
        killed_by=("get_recording.output",),
    ),
    Mutant(
        "get_recording-429-is-final",
        "get_recording",
        "only 5xx is taken for a passing trouble",
        """
        import reference_workers.services.http as http
        http.is_retryable = lambda status: status >= 500
        """,
        killed_by=("get_recording.transient-errors",),
    ),
    Mutant(
        "get_recording-404-again",
        "get_recording",
        "every refusal is tried again",
        """
        import reference_workers.services.http as http
        http.is_retryable = lambda status: True
        """,
        killed_by=("get_recording.permanent-errors",),
    ),
)

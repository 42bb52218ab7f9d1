"""Run one stored failure again: only its test, with the same ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trackproof.events.stream import Writer
from trackproof.events.verdict import ClauseResult
from trackproof.fleet import load_profile
from trackproof.suite.options import VerifyOptions
from trackproof.verify.failure_store import Failure
from trackproof.verify.runner import verify


@dataclass(frozen=True, slots=True)
class Replay:
    """The present result of a stored failure."""

    failure: Failure
    result: ClauseResult

    @property
    def fixed(self) -> bool:
        """Whether the test that failed passes now."""
        return self.result.status == "passed"


def replay(failure: Failure, options: VerifyOptions, writers: Sequence[Writer]) -> Replay:
    """Run the failing test again.

    Args:
        failure: The stored failure.
        options: Where fleet, Conductor and database come from.
        writers: Take the stream of events.

    Raises:
        UsageError: The suite no longer has the test.
        TrackproofError: The environment or the fleet could not start.
    """
    options = replace(
        options,
        only=(failure.clause,),
        test=failure.test,
        time_scale=failure.time_scale,
        id_seed=failure.id_seed if _is_new(options) else "",
        failures=None,
        repeat_failures=False,
    )
    ended = verify(options, writers)
    return Replay(failure, ended.clause(failure.clause))


def _is_new(options: VerifyOptions) -> bool:
    """Return whether fleet and database start empty: others have used the ids already."""
    return bool(load_profile(options.fleet).command) and "://" not in (options.database or "")

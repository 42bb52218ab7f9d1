"""Run one kept failure again: just its test, with the very names it was seen with."""

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
    """How a kept failure stands now."""

    failure: Failure
    result: ClauseResult

    @property
    def fixed(self) -> bool:
        """Whether the clause holds in the test that it failed in."""
        return self.result.status == "passed"


def replay(failure: Failure, asked: VerifyOptions, writers: Sequence[Writer]) -> Replay:
    """Run the failing test again.

    Args:
        failure: As it was kept.
        asked: Where fleet, Conductor and database come from.
        writers: Take the stream of events.

    Raises:
        UsageError: The test is no longer there.
        TrackproofError: The environment or the fleet could not start.
    """
    options = replace(
        asked,
        only=(failure.clause,),
        test=failure.test,
        time_scale=failure.time_scale,
        id_seed=failure.id_seed if _starts_anew(asked) else "",
        failures=None,
    )
    ended = verify(options, writers)
    return Replay(failure, ended.clause(failure.clause))


def _starts_anew(asked: VerifyOptions) -> bool:
    """Tell whether nobody remembers the names: a fleet that runs on has heard them already."""
    return bool(load_profile(asked.fleet).command) and "://" not in (asked.database or "")

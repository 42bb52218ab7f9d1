"""Failing clauses, kept in a folder for `trackproof replay`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import ClauseFinished, EnvironmentStarted
from trackproof.verify.failure_store import Failure, keep


class KeptFailures:
    """Writes a file for each clause that does not hold, as soon as it is known."""

    def __init__(self, folder: Path) -> None:
        """Keep them in `folder`, which is made when there is something to keep."""
        self._folder = folder
        self._started: EnvironmentStarted | None = None

    def write(self, event: Event) -> None:
        """Keep what fails."""
        match event:
            case EnvironmentStarted():
                self._started = event
            case ClauseFinished(result=result) if self._started and result.failure:
                keep(self._folder, _failure(result, self._started))
            case _:
                pass


def _failure(result: ClauseResult, started: EnvironmentStarted) -> Failure:
    return Failure(
        id=result.failure,
        clause=result.id,
        text=result.text,
        seed=result.seed,
        test=result.test,
        fleet=started.profile,
        names=started.names,
        version=started.version,
        database=started.database,
        time_scale=started.time_scale,
        inputs=tuple({"task": one.task, "sent": _parsed(one.sent)} for one in result.exchanges),
        expected=result.expected,
        observed=result.observed,
        kept_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _parsed(sent: str) -> Any:
    try:
        return json.loads(sent)
    except ValueError:
        return sent  # cut short: the test makes it whole again

"""`trackproof fleet check`: start a fleet and check what a verification needs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fixtures_audio import Meeting
from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError, TestbedError, TrackproofError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.lab import Testbed
from trackproof.runs.scenario import Scenario
from trackproof.suite.options import VerifyOptions
from trackproof.suite.preflight import PreflightResult, before_the_fleet, with_the_fleet


def check_fleet(
    profile: FleetProfile, options: VerifyOptions, report: Callable[[str], None]
) -> Iterator[PreflightResult]:
    """Yield the result of each check, on a testbed of its own.

    Args:
        profile: The fleet.
        options: Where Conductor and database come from; `only` names tasks, all by default.
        report: Takes one line at a time on what is being started.

    Raises:
        TrackproofError: The testbed or the fleet could not be started.
    """
    known = load_contracts().tasks
    tasks = sorted({name.partition(".")[0] for name in options.only} & set(known)) or sorted(known)
    with Testbed.started(
        conductor=options.conductor,
        version=options.version,
        report=report,
        database=options.database,
        ports=profile.ports,
    ) as testbed:
        before = list(before_the_fleet(testbed, profile))
        yield from before
        if any(result.fatal for result in before):
            return
        with testbed.fleet(profile) as fleet:
            yield from _started(testbed, fleet, tasks)


def _started(testbed: Testbed, fleet: Fleet, tasks: Sequence[str]) -> Iterator[PreflightResult]:
    yield _tried(
        "definitions", "registered", lambda: fleet.register(testbed.rest.api_url), fatal=True
    )
    try:
        fleet.wait_until_polling(testbed.rest, tasks)
    except FleetError:
        fleet.check_alive()  # unpolled types are reported below
    yield from with_the_fleet(testbed, fleet, tasks)
    yield from _read_back(fleet, _sample())


def _read_back(fleet: Fleet, meeting: Mapping[str, Any]) -> Iterator[PreflightResult]:
    """Seed a meeting and read it back."""
    ids: dict[str, Any] = {}
    yield _tried(
        "seeds", "a meeting is seeded", lambda: ids.update(fleet.seed(meeting)), fatal=True
    )
    transcript_id = str(ids.get("transcript_id", meeting["transcript"]["id"]))
    if not fleet.exposes_rows:
        yield PreflightResult(
            "rows",
            False,
            "the transcript's row is not visible: give transcript_sql or transcript_url; "
            "clauses about it are not judged",
        )
    else:

        def read_row() -> None:
            if not fleet.transcript(transcript_id):
                raise TestbedError(
                    "the seeded row is not found: check the seeds and transcript_sql"
                )

        yield _tried("rows", "the seeded row is visible", read_row)
    if not fleet.exposes_events:
        yield PreflightResult(
            "events",
            False,
            "events are not visible: give events_sql, events_redis or "
            "events_websocket; clauses about them are not judged",
        )
    else:

        def read_events() -> None:
            fleet.watch(transcript_id)
            fleet.events(transcript_id)

        yield _tried("events", "events are visible", read_events)


def _tried(
    about: str, success: str, action: Callable[[], None], *, fatal: bool = False
) -> PreflightResult:
    try:
        action()
    except TrackproofError as error:
        lines = error.evidence.strip().splitlines()
        return PreflightResult(
            about, False, error.what + (f": {lines[-1]}" if lines else ""), fatal
        )
    return PreflightResult(about, True, success)


def _sample() -> dict[str, Any]:
    """Return the rows of a meeting without participants."""
    empty = Scenario(Meeting(0, ()), (), frozenset(), uuid.uuid4().hex[:12], datetime.now(UTC))
    rows = empty.rows(None, "none")
    rows["room"] |= {"zulip_stream": None, "zulip_topic": None}
    return rows

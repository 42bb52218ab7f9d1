"""Start a fleet and look at everything that must be right before it can be judged."""

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
from trackproof.suite.preflight import PreflightResult, before_the_fleet, with_the_fleet
from trackproof.suite.session import VerifyOptions


def check_fleet(
    profile: FleetProfile, options: VerifyOptions, report: Callable[[str], None]
) -> Iterator[PreflightResult]:
    """Yield what is found, one thing after the other, on a testbed of its own.

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
        if any(finding.fatal for finding in before):
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
        fleet.check_alive()  # that it polls too little is said below
    yield from with_the_fleet(testbed, fleet, tasks)
    yield from _seen(fleet, _sample())


def _seen(fleet: Fleet, meeting: Mapping[str, Any]) -> Iterator[PreflightResult]:
    """Sow a meeting, and look whether it is there."""
    ids: dict[str, Any] = {}
    yield _tried("seeds", "a meeting is sown", lambda: ids.update(fleet.seed(meeting)), fatal=True)
    transcript_id = str(ids.get("transcript_id", meeting["transcript"]["id"]))
    if not fleet.exposes_rows:
        yield PreflightResult(
            "rows",
            False,
            "a transcript's row cannot be seen: give transcript_sql or "
            "transcript_url; clauses about it are skipped",
        )
    else:

        def look() -> None:
            if not fleet.transcript(transcript_id):
                raise TestbedError("what was sown is not there: see the seeds and transcript_sql")

        yield _tried("rows", "the row that was sown is seen", look)
    if not fleet.exposes_events:
        yield PreflightResult(
            "events",
            False,
            "events cannot be seen: give events_sql, events_redis or "
            "events_websocket; clauses about them are skipped",
        )
    else:

        def listen() -> None:
            fleet.watch(transcript_id)
            fleet.events(transcript_id)

        yield _tried("events", "events are listened to", listen)


def _tried(
    about: str, well: str, what: Callable[[], None], *, fatal: bool = False
) -> PreflightResult:
    try:
        what()
    except TrackproofError as error:
        seen = error.evidence.strip().splitlines()
        return PreflightResult(about, False, error.what + (f": {seen[-1]}" if seen else ""), fatal)
    return PreflightResult(about, True, well)


def _sample() -> dict[str, Any]:
    """Return the rows of a meeting that nobody was in."""
    nobody = Scenario(Meeting(0, ()), (), frozenset(), uuid.uuid4().hex[:12], datetime.now(UTC))
    rows = nobody.rows(None, "none")
    rows["room"] |= {"zulip_stream": None, "zulip_topic": None}
    return rows

"""`trackproof fleet check`: start a fleet and check what a verification needs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fixtures_audio import make_meeting
from trackproof.contracts.load import load_contracts
from trackproof.errors import FleetError, TestbedError, TrackproofError
from trackproof.fleet import Fleet, FleetProfile
from trackproof.fleet.seed_columns import SEED_COLUMNS
from trackproof.lab import Testbed
from trackproof.runs.equality import has_value
from trackproof.runs.json_text import as_json
from trackproof.runs.scenario import Scenario
from trackproof.suite.options import VerifyOptions
from trackproof.suite.preflight import PreflightResult, before_the_fleet, with_the_fleet
from trackproof.suite.session import start_testbed
from trackproof.verify.stored_values import lost_columns


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
    options = options.for_fleet(profile)
    named = {name.partition(".")[0] for name in options.only} & set(known)
    tasks = sorted(named or profile.serves or known)
    with start_testbed(profile, options, report) as testbed:
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
    yield from _read_back(fleet, _sample(), tasks)


def _read_back(
    fleet: Fleet, meeting: Mapping[str, Any], tasks: Sequence[str]
) -> Iterator[PreflightResult]:
    """Seed a meeting and read it back."""
    ids: dict[str, Any] = {}
    seeded = _tried(
        "seeds",
        "a meeting is seeded; the seeder received",
        lambda: ids.update(fleet.seed(meeting)),
        fatal=True,
    )
    yield seeded
    for name, sent in meeting.items():
        yield PreflightResult("seeds", seeded.good, f"  {name}: {as_json(sent)}")
    if not seeded.good:
        return
    if not fleet.profile.attach and (
        lost := list(lost_columns(fleet.database_url, meeting, tasks))
    ):
        yield PreflightResult(
            "seeds",
            False,
            f"sent and found in no column of the database: {', '.join(lost)}; ignore what the "
            "fleet encrypts or keeps elsewhere",
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
            row.update(fleet.transcript(transcript_id))
            if not row:
                raise TestbedError(
                    "the seeded row is not found: check the seeds and transcript_sql"
                )

        row: dict[str, Any] = {}
        yield _tried("rows", "the seeded row is visible", read_row)
        if row and (lost := list(_not_stored(meeting["transcript"], row))):
            yield PreflightResult(
                "seeds",
                False,
                f"sent and not stored: {'; '.join(lost)}; clauses that begin with an earlier "
                "result are judged wrongly",
            )
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


def _not_stored(sent: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[str]:
    """Yield each column of the transcript whose value the row lacks, with both values."""
    for column, value in sent.items():
        if column == "id":  # the fleet may choose its own
            continue
        stored = row.get(column)
        if not has_value(stored, value):
            found = f"is {as_json(stored)}, not" if column in row else "is in no column; sent was"
            yield f"transcript.{column} {found} {as_json(value)}"


def _tried(
    about: str, success: str, action: Callable[[], None], *, fatal: bool = False
) -> PreflightResult:
    try:
        action()
    except TrackproofError as error:
        # Logs have the exception first, and databases their message before a caret.
        lines = [line.strip() for line in error.evidence.splitlines() if line.strip()]
        detail = lines[0] if lines else error.hint
        return PreflightResult(about, False, error.what + (f": {detail}" if detail else ""), fatal)
    return PreflightResult(about, True, success)


def _sample() -> dict[str, Any]:
    """Return the rows of a meeting of one participant, with every column of a transcript."""
    meeting = make_meeting(tracks=1, seconds=8.0, seed=0)
    scenario = Scenario(meeting, (), frozenset(), uuid.uuid4().hex[:12], datetime.now(UTC))
    unique = scenario.run_id  # so that it is found only where the seeder stored it
    rows = scenario.rows(f"http://127.0.0.1:9/webhook/{unique}", f"secret-{unique}")
    rows["room"] |= {"zulip_stream": f"stream-{unique}", "zulip_topic": f"topic-{unique}"}
    rows["transcript"] |= {
        column.name: json.loads(column.example)
        for column in SEED_COLUMNS
        if column.table == "transcript" and column.name != "id"
    }
    return rows

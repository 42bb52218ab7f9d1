"""Scripted event streams of verifications."""

from __future__ import annotations

from dataclasses import replace

from trackproof.events.coverage import Coverage, Covered, Endpoint
from trackproof.events.stream import Event, Note
from trackproof.events.verdict import ClauseResult, Exchange, Status, by_task
from trackproof.events.verification import (
    ClauseFinished,
    ClauseStarted,
    EnvironmentStarted,
    VerifyEnded,
)

HOSTILE = "</pre></script><img src=x onerror=alert(1)>\x1b[2J\x00\u202egpj.exe ]]> &amp; \"'"
"""Hostile text from a fleet."""

PASSED = ClauseResult(
    id="pad_track.offset",
    task="pad_track",
    text="The track begins where the participant joined.",
    seed="TASK-005",
    status="passed",
    expected="",
    observed="",
    difference="",
    exchanges=(),
    log="",
    seconds=0.5,
    test="test_pad_track.py::test_offset",
    repeat="trackproof verify --fleet acme.toml --only pad_track.offset",
)

COVERAGE = Coverage(
    clauses=Covered(("pad_track.offset",), ("pad_track.upload",)),
    tasks=Covered(("pad_track",), ("finalize",)),
    edges=Covered((), ("pad_track → join_track_padding",)),
    events=Covered(("TOPIC",), ("STATUS", "WAVEFORM")),
    ends={
        "pad_track": {"completed": 12, "failed": 3, "timed out": 1, "retried": 3},
        "finalize": {"completed": 0, "failed": 0, "timed out": 0, "retried": 0},
    },
    endpoints=(
        Endpoint("daily", "GET /recordings/{id}", {"200": 12, "404": 1, "dropped": 2}),
        Endpoint("zulip", "PATCH /messages/{message_id}", {}),
    ),
)


def failing(clause: str = "merge_transcripts.sorted", text: str = "3") -> ClauseResult:
    """Return a failed clause with `text` from the fleet in every field that can carry it."""
    return replace(
        PASSED,
        id=clause,
        task=clause.partition(".")[0],
        text="Words are in the order of their start times.",
        seed="TASK-009",
        status="failed",
        expected=f"words: [1, 2, {text}]",
        observed=f"words: [2, 1, {text}]",
        difference="--- expected\n+++ observed\n@@ -1,3 +1,3 @@\n [\n-  1,\n   2,\n+  1,\n"
        f"   {text}",
        exchanges=(
            Exchange(
                task="merge_transcripts",
                workflow_id="7f2c",
                sent='{"transcripts": {"track_10": {"words": []}}, "transcript_id": "שלום"}',
                received=f'{{"all_words": "{text}"}}',
                statuses=("FAILED", "COMPLETED"),
                reason=f"refused: {text}",
                seconds=0.31,
            ),
        ),
        log=f"2026-11-26 info merging\n2026-11-26 info {text}",
        test="test_merge_transcripts.py::test_order[reversed]",
        repeat=f"trackproof verify --fleet acme.toml --only {clause}",
        failure=f"{clause}-0a1b2c",
        replay=f"trackproof replay {clause}-0a1b2c",
    )


def other(status: Status) -> ClauseResult:
    """Return a clause with another status."""
    return replace(
        PASSED,
        id=f"finalize.{status}",
        task="finalize",
        status=status,
        expected="the row" if status != "skipped" else "",
        observed="no row",
    )


def started(*clauses: ClauseResult) -> EnvironmentStarted:
    return EnvironmentStarted(
        fleet="acme",
        profile="/srv/acme.toml",
        backend="process",
        version="3.15.0",
        database="sqlite",
        time_scale=0.001,
        id_seed="1795653142-6eca032aa04b",
        addresses={"conductor": "http://127.0.0.1:1/api"},
        clauses=tuple(clause.id for clause in clauses),
    )


def verification(
    *clauses: ClauseResult, shortfalls: tuple[str, ...] = (), interrupted: str = ""
) -> list[Event]:
    """Return the event stream of a verification of these clauses."""
    events: list[Event] = [Note("starting Conductor"), started(*clauses)]
    for clause in clauses:
        events += [ClauseStarted(clause.id), ClauseFinished(clause)]
    ended = VerifyEnded(
        fleet="acme",
        backend="process",
        version="3.15.0",
        seconds=20.5,
        tasks=by_task(clauses),
        coverage=COVERAGE,
        shortfalls=shortfalls,
        interrupted=interrupted,
    )
    return [*events, ended]


EVERY_STATUS = (
    PASSED,
    failing(),
    other("error"),
    other("deviates"),
    other("skipped"),
    other("not_visible"),
    other("unsteady"),
)

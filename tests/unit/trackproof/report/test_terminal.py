"""The verdict on a fleet as a person reads it, on a terminal, in a log and in a pipe."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console

from tests.unit.trackproof.report.verdicts import (
    EVERY_KIND,
    HELD,
    HOSTILE,
    failing,
    verification,
)
from tests.unit.trackproof.verify.test_failure_store import failure
from trackproof.events.stream import Event
from trackproof.events.verification import EnvironmentKept
from trackproof.report.terminal.replay import listed, told
from trackproof.report.terminal.verify import VerifyTerminal
from trackproof.verify.replay import Replay


def printed(events: Iterable[Event]) -> str:
    console = Console(file=io.StringIO(), width=80, _environ={})
    writer = VerifyTerminal(console)
    for event in events:
        writer.write(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_task_is_a_line_as_soon_as_its_last_clause_has_ended() -> None:
    events = verification(HELD, failing())

    assert "✓ pad_track" in printed(events[:4])
    assert "1/1" in printed(events[:4])
    assert "pad_track" not in printed(events[:3])


def test_a_clause_that_does_not_hold_is_told_in_full() -> None:
    lines = printed(verification(HELD, failing())).splitlines()

    for line in (
        "  ✗ merge_transcripts.sorted  Words are in the order of their start times. (TASK-009)",
        "      expected  words: [1, 2, 3]",
        "      observed  words: [2, 1, 3]",
        '      received  {"all_words": "3"} (FAILED, COMPLETED – refused: 3)',
        "      +  1,",
        "      log | 2026-11-26 info merging",
        "      repeat    trackproof verify --fleet acme.toml --only merge_transcripts.sorted",
        "      replay    trackproof replay merge_transcripts.sorted-0a1b2c",
        "FAILED: 1 of 2 clauses (merge_transcripts.sorted), 20.5 s",
    ):
        assert line in lines


def test_what_holds_deviates_or_is_skipped_is_counted() -> None:
    lesser = [clause for clause in EVERY_KIND if clause.accepted]

    last = printed(verification(*lesser)).splitlines()[-1]

    assert last == "HELD: 1 of 3 clauses, 2 deviating or skipped, 20.5 s"


def test_too_little_exercised_fails_what_holds() -> None:
    lines = printed(verification(HELD, shortfalls=("1 of 2 tasks were exercised",))).splitlines()

    assert lines[-2:] == ["FAILED: too little was exercised", "1 of 2 tasks were exercised"]


def test_a_fleet_cannot_steer_the_terminal() -> None:
    told = printed(verification(failing(text=HOSTILE)))

    assert "\x1b" not in told
    assert r"\x1b[2J\x00" in told


def test_a_huge_input_takes_a_few_lines() -> None:
    [exchange] = failing().exchanges
    huge = replace(failing(), exchanges=(replace(exchange, sent="x" * 100_000),))

    assert len(printed(verification(huge))) < 5_000


def test_a_kept_testbed_says_where_everything_is() -> None:
    told = printed([EnvironmentKept({"conductor": "http://c/api", "s3": "http://s"})])

    assert told.splitlines() == [
        "The testbed stands until Ctrl-C:",
        "  conductor  http://c/api",
        "  s3         http://s",
    ]


def test_a_replay_says_whether_it_is_fixed() -> None:
    kept = failure("pad_track.offset-0a1b2c")

    assert told(Replay(kept, HELD)).plain == "FIXED: pad_track.offset-0a1b2c"
    for status in ("failed", "error", "skipped", "deviates"):
        still = replace(HELD, status=status)
        assert told(Replay(kept, still)).plain == "STILL FAILING: pad_track.offset-0a1b2c"


def test_kept_failures_are_listed_with_what_was_seen() -> None:
    kept = replace(failure("pad_track.offset-0a1b2c"), observed="a\x1b[2Jb")

    assert listed([]).plain == "no failing clause is kept here"
    assert listed([kept]).plain.splitlines() == [
        "pad_track.offset-0a1b2c  2026-11-26T12:00:00+00:00  /srv/acme.toml",
        r"    a\x1b[2Jb",
    ]

"""The output of `trackproof verify` and `trackproof replay` on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console

from tests.unit.trackproof.report.verify_events import (
    EVERY_STATUS,
    HOSTILE,
    PASSED,
    failing,
    other,
    verification,
)
from tests.unit.trackproof.verify.test_failure_store import failure
from trackproof.contracts.load import load_contracts
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult
from trackproof.events.verification import EnvironmentKept, VerifyEnded
from trackproof.report.terminal.replay import format_failures, format_replay
from trackproof.report.terminal.verify import VerifyTerminal
from trackproof.verify.replay import Replay


def printed(events: Iterable[Event]) -> str:
    console = Console(file=io.StringIO(), width=80, _environ={})
    writer = VerifyTerminal(console)
    for event in events:
        writer.write(event)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_task_is_shown_when_its_last_clause_finishes() -> None:
    events = verification(PASSED, failing())

    assert "✓ pad_track" in printed(events[:4])
    assert "1/1" in printed(events[:4])
    assert "pad_track" not in printed(events[:3])


def test_a_failed_clause_is_shown_in_full() -> None:
    lines = printed(verification(PASSED, failing())).splitlines()

    for line in (
        "  ✗ merge_transcripts.sorted  Words are in the order of their start times. (TASK-009)",
        "      expected  words: [1, 2, 3]",
        "      observed  words: [2, 1, 3]",
        '      received  {"all_words": "3"} (FAILED, COMPLETED – refused: 3)',
        "      +  1,",
        "      log | 2026-11-26 info merging",
        "      repeat    trackproof verify --fleet acme.toml --only merge_transcripts.sorted",
        "      replay    trackproof replay merge_transcripts.sorted-0a1b2c",
        "FAILED: 1 failed of 2 clauses, 20.5 s",
        "  merge_transcripts.sorted",
    ):
        assert line in lines


def test_the_verdict_counts_deviations_and_invisible_clauses_apart() -> None:
    def last_line(*clauses: ClauseResult) -> str:
        return printed(verification(*clauses)).splitlines()[-1]

    deviates, not_visible = other("deviates"), other("not_visible")
    assert last_line(PASSED) == "HELD: 1 of 1 clauses, 20.5 s"
    assert last_line(PASSED, deviates) == "HELD: 1 of 2 clauses, 1 deviate, 20.5 s"
    assert last_line(PASSED, deviates, not_visible) == (
        "HELD IN PART: 2 of 3 clauses judged, 1 deviate, 1 not visible, 20.5 s"
    )


def test_every_other_status_fails_the_verdict_under_its_own_name() -> None:
    output = printed(verification(*EVERY_STATUS))

    assert (
        "FAILED: 1 failed, 1 unsteady, 1 not judged, 1 skipped without a declaration of 7 clauses, "
        "1 deviate, 1 not visible, 20.5 s"
    ) in output


def test_an_interrupted_verification_says_how_far_it_came() -> None:
    output = printed(verification(PASSED, interrupted="interrupted by Ctrl-C"))

    assert "INTERRUPTED: 1 clauses judged, 20.5 s" in output


def test_low_coverage_fails_a_verification_without_failures() -> None:
    lines = printed(verification(PASSED, shortfalls=("1 of 2 tasks were exercised",))).splitlines()

    assert lines[-2:] == [
        "FAILED: coverage is below the floor, 20.5 s",
        "  1 of 2 tasks were exercised",
    ]


def test_a_fleet_cannot_control_the_terminal() -> None:
    output = printed(verification(failing(text=HOSTILE)))

    assert "\x1b" not in output
    assert r"\x1b[2J\x00" in output


def test_a_huge_input_is_truncated() -> None:
    [exchange] = failing().exchanges
    huge = replace(failing(), exchanges=(replace(exchange, sent="x" * 100_000),))

    assert len(printed(verification(huge))) < 5_000


def test_a_kept_testbed_shows_its_addresses() -> None:
    output = printed([EnvironmentKept({"conductor": "http://c/api", "s3": "http://s"})])

    assert output.splitlines() == [
        "The testbed runs until Ctrl-C:",
        "  conductor  http://c/api",
        "  s3         http://s",
    ]


def test_a_replay_is_fixed_or_still_failing() -> None:
    stored = failure("pad_track.offset-0a1b2c")

    assert format_replay(Replay(stored, PASSED)).plain == "FIXED: pad_track.offset-0a1b2c"
    for status in ("failed", "error", "skipped", "deviates"):
        result = replace(PASSED, status=status)
        assert (
            format_replay(Replay(stored, result)).plain == "STILL FAILING: pad_track.offset-0a1b2c"
        )


def test_stored_failures_are_listed_with_their_observation() -> None:
    stored = replace(failure("pad_track.offset-0a1b2c"), observed="a\x1b[2Jb")

    assert format_failures([]).plain == "no stored failures"
    assert format_failures([stored]).plain.splitlines() == [
        "pad_track.offset-0a1b2c  2026-11-26T12:00:00+00:00  /srv/acme.toml",
        r"    a\x1b[2Jb",
    ]


def test_a_fleet_that_serves_a_part_is_judged_by_a_part() -> None:
    for clause in (PASSED, failing()):
        *events, ended = verification(clause)
        assert isinstance(ended, VerifyEnded)

        output = printed([*events, replace(ended, serves=("pad_track",))])

        clauses = len(load_contracts().clauses)
        judged = f"1 of {clauses} clauses are judged, "
        assert f"; the fleet serves 1 of 15 task types: {judged}" in output

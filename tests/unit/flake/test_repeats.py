"""Comparison of repeated runs of the suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.flake.repeats import Repeat, differences, last_line

FAILURES = Path("failures")


def report(**statuses: str) -> dict[str, Any]:
    """Return the relevant part of a report of `trackproof verify --json`."""
    clauses: list[dict[str, Any]] = [
        {"id": f"pad_track.{name}", "status": status} for name, status in statuses.items()
    ]
    for clause in clauses:
        if clause["status"] == "failed":
            clause["failure"] = f"{clause['id']}-0a1b2c"
    verdict = "failed" if "failed" in statuses.values() else "held"
    return {"verdict": verdict, "tasks": [{"name": "pad_track", "clauses": clauses}]}


def repeats(*reports: dict[str, Any]) -> list[Repeat]:
    return [
        Repeat.of_report(number, one, FAILURES / str(number))
        for number, one in enumerate(reports, start=1)
    ]


def test_equal_repeats_have_no_differences() -> None:
    series = repeats(*[report(offset="passed", chain="skipped")] * 30)

    diffs = differences(series)

    assert diffs == []
    assert last_line(series, diffs) == "30 equal verdicts: held, 2 clauses unchanged"


def test_equally_failing_repeats_are_equal() -> None:
    series = repeats(*[report(offset="failed")] * 2)

    assert differences(series) == []
    assert last_line(series, []).startswith("2 equal verdicts: failed")


def test_a_clause_that_fails_once_is_reported_with_its_failure() -> None:
    right = report(offset="passed", chain="passed")
    series = repeats(right, report(offset="failed", chain="passed"), right)

    verdict, offset = differences(series)

    assert str(verdict) == "verdict: held in 1, 3; failed in 2"
    failure = FAILURES / "2" / "pad_track.offset-0a1b2c.json"
    assert str(offset) == (f"pad_track.offset: passed in 1, 3; failed in 2\n  see {failure}")
    line = last_line(series, [verdict, offset])
    assert line == "NOT EQUAL: 3 repeats differ in verdict, pad_track.offset"


def test_a_clause_that_is_skipped_or_missing_once_differs() -> None:
    series = repeats(
        report(offset="passed", chain="passed"), report(offset="skipped"), report(offset="passed")
    )

    assert [str(one) for one in differences(series)] == [
        "pad_track.offset: passed in 1, 3; skipped in 2",
        "pad_track.chain: not judged in 2, 3; passed in 1",
    ]


def test_a_repeat_that_could_not_run_differs() -> None:
    series = [*repeats(report(offset="passed")), Repeat.not_run(2, FAILURES / "repeat-02.log")]

    verdict, _ = differences(series)

    assert str(verdict).splitlines() == [
        "verdict: held in 1; could not run in 2",
        f"  see {FAILURES / 'repeat-02.log'}",
    ]

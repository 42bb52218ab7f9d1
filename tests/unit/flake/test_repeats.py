"""The comparison of many runs of one suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.flake.repeats import Repeat, differences, last_line

FAILURES = Path("kept")


def report(**statuses: str) -> dict[str, Any]:
    """Return a report as `trackproof verify --json` writes it, as far as it is looked at."""
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
        Repeat.of_report(number, told, FAILURES / str(number))
        for number, told in enumerate(reports, start=1)
    ]


def test_equal_repeats_end_with_one_clear_line() -> None:
    told = repeats(*[report(offset="passed", chain="skipped")] * 30)

    found = differences(told)

    assert found == []
    assert last_line(told, found) == "30 equal verdicts: held, 2 clauses with the same status each"


def test_equally_failing_repeats_are_equal() -> None:
    told = repeats(*[report(offset="failed")] * 2)

    assert differences(told) == []
    assert last_line(told, []).startswith("2 equal verdicts: failed")


def test_a_clause_that_fails_once_is_named_with_its_repeats_and_its_failure() -> None:
    right = report(offset="passed", chain="passed")
    told = repeats(right, report(offset="failed", chain="passed"), right)

    verdict, offset = differences(told)

    assert str(verdict) == "verdict: held in 1, 3; failed in 2"
    kept = FAILURES / "2" / "pad_track.offset-0a1b2c.json"
    assert str(offset) == (f"pad_track.offset: passed in 1, 3; failed in 2\n  kept in {kept}")
    line = last_line(told, [verdict, offset])
    assert line == "NOT EQUAL: 3 repeats differ in verdict, pad_track.offset"


def test_a_clause_that_is_skipped_or_left_out_once_differs_although_the_verdict_holds() -> None:
    told = repeats(
        report(offset="passed", chain="passed"), report(offset="skipped"), report(offset="passed")
    )

    assert [str(one) for one in differences(told)] == [
        "pad_track.offset: passed in 1, 3; skipped in 2",
        "pad_track.chain: not judged in 2, 3; passed in 1",
    ]


def test_a_repeat_that_could_not_run_differs_and_its_output_is_named() -> None:
    told = [*repeats(report(offset="passed")), Repeat.not_run(2, FAILURES / "repeat-02.log")]

    verdict, _ = differences(told)

    assert str(verdict).splitlines() == [
        "verdict: held in 1; could not run in 2",
        f"  kept in {FAILURES / 'repeat-02.log'}",
    ]

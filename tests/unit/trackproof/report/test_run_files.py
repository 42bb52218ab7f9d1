"""Report files of a run: HTML, JUnit XML, JSON and NDJSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.test_html import NOW, Reader
from tests.unit.trackproof.report.verify_events import HOSTILE
from trackproof.events.runs import Check
from trackproof.events.stream import Event
from trackproof.report.html import run_page
from trackproof.report.writers import FILES, file_writers


def written(kind: str, path: Path, event: Event) -> Path:
    [writer] = file_writers(**{kind: path})
    writer.write(event)
    return path


def test_the_page_shows_verdict_checks_and_timeline() -> None:
    reader = Reader(run_page(run_events.every_status(), NOW))

    for part in (
        "✗ FAILED: 2 of 4 checks (storage.keys, database.result), 18.5 s",
        "One meeting through the fleet acme",
        "121 of 121 words, each once",
        "pad: S3 answered 503",
        "not visible: none are kept",
        "pad_track_0, attempt 1: FAILED",
        "1.50 s",
        "2026-11-26 12:30 UTC",
    ):
        assert part in reader.text
    assert ("class", "queue") in reader.attributes
    assert ("class", "failed") in reader.attributes


def test_text_from_a_fleet_adds_no_markup_to_the_page() -> None:
    tame = Reader(run_page(run_events.every_status(), NOW))
    hostile = Reader(run_page(run_events.every_status(HOSTILE), NOW))

    assert hostile.tags == tame.tags
    assert "<img src=x onerror=alert(1)>" in hostile.text
    assert "script" not in hostile.tags


def test_junit_has_a_case_for_each_check(tmp_path: Path) -> None:
    path = written("junit", tmp_path / "junit.xml", run_events.every_status())

    report = JUnitXml.fromfile(str(path))
    [suite] = report
    results = {case.name: [type(one) for one in case.result] for case in suite}
    assert results == {
        "words.complete": [],
        "storage.keys": [Failure],
        "database.events": [Skipped],
        "database.result": [Failure],
    }
    [failure] = next(case for case in suite if case.name == "storage.keys").result
    assert failure.message == "missing: S3 answered 503"
    assert "first cause: pad: S3 answered 503" in failure.text
    assert 'name="conductor" value="3.15.0 (process)"' in path.read_text("utf-8")


def test_an_early_end_leaves_one_error_with_the_message(tmp_path: Path) -> None:
    path = written("junit", tmp_path / "junit.xml", run_events.interrupted())

    [suite] = JUnitXml.fromfile(str(path))
    [case] = suite
    assert [type(one) for one in case.result] == [Error]
    assert case.result[0].message == "the fleet died"
    assert "Hint: buy one" in case.result[0].text


@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_report_handles_every_end(kind: str, tmp_path: Path) -> None:
    passed = run_events.ended(Check("words.complete", True, "all"))

    for event in (passed, run_events.every_status(HOSTILE), run_events.interrupted()):
        assert written(kind, tmp_path / "report", event).stat().st_size > 0
    assert "INTERRUPTED" in (tmp_path / "report").read_text("utf-8") or kind in {"ndjson", "junit"}


def test_json_has_verdict_and_timeline(tmp_path: Path) -> None:
    path = written("json", tmp_path / "report.json", run_events.every_status())

    report = json.loads(path.read_text("utf-8"))
    assert (report["verdict"], report["fleet"]) == ("failed", "acme")
    assert [check["status"] for check in report["checks"]] == [
        "passed",
        "failed",
        "not_visible",
        "failed",
    ]
    assert report["timeline"]["attempts"][1]["reference"] == "pad_track_0"


def test_a_run_with_invisible_data_held_in_part() -> None:
    ended = run_events.ended(
        Check("words.complete", True, "all"),
        Check("database.events", False, "not visible: none are kept", "events", True),
    )

    assert ended.passed
    assert ended.headline == "HELD IN PART: 1 of 2 checks judged, 1 not visible, 18.5 s"

"""Report files of a verification: JSON, NDJSON and JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report.verify_events import (
    EVERY_STATUS,
    HOSTILE,
    PASSED,
    failing,
    verification,
)
from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.events.stream import Event, Writer
from trackproof.events.verification import VerifyEnded
from trackproof.report.html import HtmlFile
from trackproof.report.json import JsonFile
from trackproof.report.junit import JUnitFile
from trackproof.report.ndjson import NdjsonFile
from trackproof.report.writers import FILES, file_writers
from trackproof.suite.plugin import CLAUSES


def written(make: Callable[[Path], Writer], path: Path, events: Iterable[Event]) -> Path:
    writer = make(path)
    for event in events:
        writer.write(event)
    return path


def suites(path: Path) -> dict[str, TestSuite]:
    return {suite.name: suite for suite in JUnitXml.fromfile(str(path))}


def test_json_has_the_documented_format(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    path = written(JsonFile, tmp_path / "verdict.json", verification(*EVERY_STATUS))

    content = json.loads(path.read_text(encoding="utf-8"))
    assert set(content.pop("versions")) == {"trackproof", "contracts"}
    assert content == snapshot


def test_ndjson_appends_a_line_for_each_event(tmp_path: Path) -> None:
    events = verification(PASSED, failing())
    writer = NdjsonFile(tmp_path / "events.ndjson")
    line_counts = []

    for event in events:
        writer.write(event)
        line_counts.append(len((tmp_path / "events.ndjson").read_text().splitlines()))

    lines = [json.loads(line) for line in (tmp_path / "events.ndjson").read_text().splitlines()]
    assert line_counts == list(range(1, len(events) + 1))
    assert [line["event"] for line in lines] == [
        "note",
        "environment_started",
        "clause_started",
        "clause_finished",
        "clause_started",
        "clause_finished",
        "verify_ended",
    ]
    assert lines[5]["result"]["observed"] == "words: [2, 1, 3]"
    assert all(line["at"] for line in lines)


def test_ndjson_replaces_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text("yesterday's\n")

    written(NdjsonFile, tmp_path / "events.ndjson", verification(PASSED)[:1])

    assert "yesterday" not in (tmp_path / "events.ndjson").read_text()


def test_junit_has_a_suite_per_task_and_a_case_per_clause(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(*EVERY_STATUS))

    report = JUnitXml.fromfile(str(path))
    assert (report.tests, report.failures, report.errors, report.skipped) == (7, 2, 2, 2)
    assert list(suites(path)) == ["pad_track", "merge_transcripts", "finalize"]
    cases = {case.name: case for suite in suites(path).values() for case in suite}
    assert cases["pad_track.offset"].result == []
    assert cases["pad_track.offset"].time == 0.5
    assert cases["pad_track.offset"].classname == "trackproof.pad_track"
    results = {name: [type(one) for one in case.result] for name, case in cases.items()}
    assert results["merge_transcripts.sorted"] == [Failure]
    assert results["finalize.error"] == [Error]
    assert results["finalize.deviates"] == results["finalize.not_visible"] == [Skipped]


def test_junit_shows_a_failed_clause_in_full(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(failing()))

    [case] = suites(path)["merge_transcripts"]
    assert case.result[0].message == "expected words: [1, 2, 3]; observed words: [2, 1, 3]"
    for part in (
        "Words are in the order of their start times. (TASK-009)",
        "expected: words: [1, 2, 3]",
        'sent to merge_transcripts: {"transcripts"',
        "received:",
        "(FAILED, COMPLETED)",
        "+  1,",
        "info merging",
        "repeat: trackproof verify --fleet acme.toml --only merge_transcripts.sorted",
        "replay: trackproof replay merge_transcripts.sorted-0a1b2c",
    ):
        assert part in case.result[0].text


def test_junit_is_valid_xml_for_hostile_text(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(failing(text=HOSTILE)))

    [case] = suites(path)["merge_transcripts"]
    assert r"<img src=x onerror=alert(1)>\x1b[2J\x00" in case.result[0].text


def test_an_unwritable_report_is_rejected_before_the_run(tmp_path: Path) -> None:
    for name in FILES:
        with pytest.raises(UsageError, match="the report cannot be written to"):
            file_writers(**{name: tmp_path / "missing" / "report"})


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_report_handles_every_status(name: str, tmp_path: Path) -> None:
    [writer] = file_writers(**{name: tmp_path / "report"})

    for event in verification(*EVERY_STATUS, failing(text=HOSTILE), shortfalls=("1 of 2 tasks",)):
        writer.write(event)

    assert b"merge_transcripts.sorted" in (tmp_path / "report").read_bytes()


def test_every_report_says_what_a_fleet_that_serves_a_part_was_judged_by(tmp_path: Path) -> None:
    *events, ended = verification(PASSED)
    assert isinstance(ended, VerifyEnded)
    ended = replace(ended, serves=("pad_track",))
    contracts = load_contracts()
    known = f"{len(contracts.tasks)} task types: 1 of {len(contracts.clauses)} clauses"
    scope = f"the fleet serves 1 of {known} are judged"

    assert ended.scope == scope
    assert verification(PASSED)[-1].scope == ""  # type: ignore[union-attr]
    for writer in (JsonFile, JUnitFile, HtmlFile):
        path = written(writer, tmp_path / "report", [*events, ended])
        assert scope in path.read_text(encoding="utf-8")


def test_junit_names_the_place_of_a_failed_test_and_its_audio(tmp_path: Path) -> None:
    audio = ("/srv/failures/x/input-00-a.webm", "/srv/failures/x/output-01-b.mp3")
    failed = replace(failing(), line=126, audio=audio)
    path = written(JUnitFile, tmp_path / "junit.xml", verification(PASSED, failed))

    text = path.read_text(encoding="utf-8")

    assert f'file="{CLAUSES / "test_merge_transcripts.py"}" line="127"' in text
    assert text.count("file=") == 1
    assert "audio in /srv/failures/x" in text
    assert "audio: /srv/failures/x/output-01-b.mp3" in text

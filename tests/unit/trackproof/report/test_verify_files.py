"""The verdict on a fleet as files for other programs: JSON, NDJSON, JUnit XML, kept failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestSuite
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report.verdicts import (
    EVERY_KIND,
    HELD,
    HOSTILE,
    failing,
    other,
    started,
    verification,
)
from trackproof.errors import UsageError
from trackproof.events.stream import Event, Writer
from trackproof.events.verification import ClauseFinished
from trackproof.report.files import FILES, file_writers
from trackproof.report.json import JsonFile
from trackproof.report.junit import JUnitFile
from trackproof.report.ndjson import NdjsonFile
from trackproof.verify.failure_store import FailureWriter, find_failure, stored_failures


def written(make: Callable[[Path], Writer], path: Path, events: Iterable[Event]) -> Path:
    writer = make(path)
    for event in events:
        writer.write(event)
    return path


def suites(path: Path) -> dict[str, TestSuite]:
    return {suite.name: suite for suite in JUnitXml.fromfile(str(path))}


def test_the_json_has_the_documented_shape(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    path = written(JsonFile, tmp_path / "verdict.json", verification(*EVERY_KIND))

    assert json.loads(path.read_text(encoding="utf-8")) == snapshot


def test_ndjson_tells_each_event_in_a_line_as_it_happens(tmp_path: Path) -> None:
    events = verification(HELD, failing())
    writer = NdjsonFile(tmp_path / "events.ndjson")
    seen = []

    for event in events:
        writer.write(event)
        seen.append(len((tmp_path / "events.ndjson").read_text().splitlines()))

    lines = [json.loads(line) for line in (tmp_path / "events.ndjson").read_text().splitlines()]
    assert seen == list(range(1, len(events) + 1))
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


def test_ndjson_begins_anew_where_a_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "events.ndjson").write_text("yesterday's\n")

    written(NdjsonFile, tmp_path / "events.ndjson", verification(HELD)[:1])

    assert "yesterday" not in (tmp_path / "events.ndjson").read_text()


def test_junit_has_a_suite_a_task_and_a_case_a_clause(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(*EVERY_KIND))

    report = JUnitXml.fromfile(str(path))
    assert (report.tests, report.failures, report.errors, report.skipped) == (5, 1, 1, 2)
    assert list(suites(path)) == ["pad_track", "merge_transcripts", "finalize"]
    cases = {case.name: case for suite in suites(path).values() for case in suite}
    assert cases["pad_track.offset"].result == []
    assert cases["pad_track.offset"].time == 0.5
    assert cases["pad_track.offset"].classname == "trackproof.pad_track"
    kinds = {name: [type(one) for one in case.result] for name, case in cases.items()}
    assert kinds["merge_transcripts.sorted"] == [Failure]
    assert kinds["finalize.error"] == [Error]
    assert kinds["finalize.deviates"] == kinds["finalize.skipped"] == [Skipped]


def test_a_failure_in_junit_says_all_that_a_person_needs(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(failing()))

    [case] = suites(path)["merge_transcripts"]
    assert case.result[0].message == "words: [2, 1, 3]"
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


def test_junit_is_read_again_whatever_the_fleet_has_said(tmp_path: Path) -> None:
    path = written(JUnitFile, tmp_path / "junit.xml", verification(failing(text=HOSTILE)))

    [case] = suites(path)["merge_transcripts"]
    assert r"<img src=x onerror=alert(1)>\x1b[2J\x00" in case.result[0].text


def test_a_failing_clause_is_kept_with_its_input_as_soon_as_it_is_known(tmp_path: Path) -> None:
    writer = FailureWriter(tmp_path / "failures")

    writer.write(started(HELD, failing()))
    writer.write(ClauseFinished(HELD))
    assert not (tmp_path / "failures").exists()
    writer.write(ClauseFinished(failing()))

    [failure] = stored_failures(tmp_path / "failures")
    assert failure == find_failure(tmp_path / "failures", "merge_transcripts.sorted")
    assert failure.test == "test_merge_transcripts.py::test_order[reversed]"
    assert failure.id_seed == "1795653142-6eca032aa04b"
    assert failure.fleet == "/srv/acme.toml"
    [sent] = failure.inputs
    assert sent["task"] == "merge_transcripts"
    assert sent["sent"]["transcripts"] == {"track_10": {"words": []}}


def test_kept_failures_are_nothing_to_commit(tmp_path: Path) -> None:
    written(FailureWriter, tmp_path, verification(failing()))

    assert (tmp_path / ".gitignore").read_text() == "*\n"


def test_the_same_failure_is_kept_once(tmp_path: Path) -> None:
    written(FailureWriter, tmp_path, verification(failing()))
    written(FailureWriter, tmp_path, verification(failing()))

    assert len(stored_failures(tmp_path)) == 1


@pytest.mark.parametrize("status", ["error", "deviates", "skipped"])
def test_what_has_no_failures_id_is_not_kept(status: str, tmp_path: Path) -> None:
    written(FailureWriter, tmp_path, verification(other(status)))  # type: ignore[arg-type]

    assert stored_failures(tmp_path) == []


@pytest.mark.parametrize("kind", sorted(FILES))
def test_a_report_that_cannot_be_written_is_told_before_the_run(kind: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the report cannot be written to"):
        file_writers(**{kind: tmp_path / "missing" / "report"})


@pytest.mark.parametrize("kind", sorted(FILES))
def test_every_report_takes_every_verdict(kind: str, tmp_path: Path) -> None:
    [writer] = file_writers(**{kind: tmp_path / "report"})

    for event in verification(*EVERY_KIND, failing(text=HOSTILE), shortfalls=("1 of 2 tasks",)):
        writer.write(event)

    assert b"merge_transcripts.sorted" in (tmp_path / "report").read_bytes()

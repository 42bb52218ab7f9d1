"""Report files: replaced in one step, never over an older complete report."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from junitparser import JUnitXml

from tests.unit.trackproof.report.verify_events import PASSED, verification
from trackproof.errors import TrackproofError
from trackproof.events.stream import Event, Note, Writer
from trackproof.report.html import HtmlFile
from trackproof.report.json import JsonFile
from trackproof.report.junit import JUnitFile
from trackproof.report.ndjson import NdjsonFile
from trackproof.report.output import write_text

every_format = pytest.mark.parametrize("report", [HtmlFile, JsonFile, JUnitFile])


def write(writer: Writer, events: list[Event]) -> None:
    for event in events:
        writer.write(event)


@every_format
def test_an_interrupted_report_is_marked_and_keeps_the_older_one(
    report: Callable[[Path], Writer], tmp_path: Path
) -> None:
    path = tmp_path / "report"
    write(report(path), verification(PASSED))
    complete = path.read_text()

    write(report(path), verification(PASSED, interrupted="interrupted by Ctrl-C or SIGTERM"))

    assert "interrupted" in path.read_text().lower()
    assert path.with_name("report.previous").read_text() == complete
    assert sorted(file.name for file in tmp_path.iterdir()) == ["report", "report.previous"]


@every_format
def test_a_report_that_cannot_be_replaced_leaves_the_older_one(
    report: Callable[[Path], Writer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_text("older")
    writer = report(path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write(writer, verification(PASSED))

    assert [file.name for file in tmp_path.iterdir()] == ["report"]
    assert path.read_bytes() == b"older"


def test_an_error_before_the_first_clause_is_one_junit_error(tmp_path: Path) -> None:
    error = str(TrackproofError("no Java", evidence="java: not found", hint="install one"))
    [*_, ended] = verification(interrupted=error)

    JUnitFile(tmp_path / "junit.xml").write(ended)

    report = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (report.tests, report.errors) == (1, 1)
    [case] = next(iter(report))
    assert case.result[0].message == "no Java"
    assert "Hint: install one" in case.result[0].text


def test_an_older_stream_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    NdjsonFile(path).write(Note("first"))

    NdjsonFile(path).write(Note("second"))

    assert "second" in path.read_text()
    assert "first" in path.with_name("events.ndjson.previous").read_text()


def test_a_report_has_the_permissions_of_a_new_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_text(tmp_path / "report", "text")
    finally:
        os.umask(mask)

    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o640

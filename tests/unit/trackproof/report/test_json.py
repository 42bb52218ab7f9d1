from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report import run_events
from trackproof.errors import UsageError
from trackproof.events.stream import Event
from trackproof.report.json import JsonFile
from trackproof.report.output import check_writable, write_json


@pytest.mark.parametrize(
    "run", [run_events.passed_run(), run_events.failed_run()], ids=["passed", "failed"]
)
def test_a_run_has_the_documented_format(
    run: list[Event], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    path = tmp_path / "report.json"
    writer = JsonFile(path)

    for event in run:
        writer.write(event)

    assert path.read_text(encoding="utf-8") == snapshot


def test_nothing_is_written_before_the_run_ends(tmp_path: Path) -> None:
    writer = JsonFile(tmp_path / "report.json")

    for event in run_events.passed_run()[:-1]:
        writer.write(event)

    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_is_rejected_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    for path in ("missing/report.json", ".", "file/report.json"):
        with pytest.raises(UsageError, match="the report cannot be written to") as caught:
            JsonFile(tmp_path / path)
        assert str(tmp_path) in caught.value.evidence
        assert "give a file in an existing folder" in caught.value.hint


def test_checking_a_path_keeps_its_content(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("yesterday's")

    check_writable(path)

    assert path.read_text() == "yesterday's"


def test_json_is_utf_8_in_every_locale(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", {"name": "Σωκράτης 🎤"})

    assert (tmp_path / "report.json").read_bytes() == '{\n  "name": "Σωκράτης 🎤"\n}\n'.encode()

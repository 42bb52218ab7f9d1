from __future__ import annotations

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report import run_events
from trackproof.errors import UsageError
from trackproof.events.stream import Event
from trackproof.report.json import JsonFile
from trackproof.report.output import check_writable, write_json


@pytest.mark.parametrize(
    "run", [run_events.held_run(), run_events.failed_run()], ids=["held", "failed"]
)
def test_the_verdict_has_the_documented_shape(
    run: list[Event], tmp_path: Path, snapshot: SnapshotAssertion
) -> None:
    path = tmp_path / "report.json"
    writer = JsonFile(path)

    for event in run:
        writer.write(event)

    assert path.read_text(encoding="utf-8") == snapshot
    assert list(json.loads(path.read_text(encoding="utf-8"))) == [
        "status",
        "workflow_id",
        "tracks",
        "conductor",
        "seconds",
        "steps",
        "checks",
    ]


def test_nothing_is_written_before_the_verdict(tmp_path: Path) -> None:
    writer = JsonFile(tmp_path / "report.json")

    for event in run_events.held_run()[:-1]:
        writer.write(event)

    assert (tmp_path / "report.json").read_text() == ""


@pytest.mark.parametrize("path", ["missing/report.json", ".", "file/report.json"])
def test_a_path_that_cannot_be_written_is_told_before_the_run(path: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(UsageError, match="the report cannot be written to") as caught:
        JsonFile(tmp_path / path)

    assert str(tmp_path) in caught.value.evidence
    assert "name a file in a folder" in caught.value.hint


def test_checking_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("yesterday's")

    check_writable(path)

    assert path.read_text() == "yesterday's"


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    write_json(tmp_path / "report.json", {"name": "Σωκράτης 🎤"})

    assert (tmp_path / "report.json").read_bytes() == '{\n  "name": "Σωκράτης 🎤"\n}\n'.encode()

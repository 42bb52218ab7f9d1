from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fixtures_audio import NAMED_MEETINGS, detect_words_in_file, make_named_meeting
from trackproof import cli
from trackproof.errors import ExitCode

runner = CliRunner()


def test_a_meeting_is_written_with_its_truth(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"

    result = runner.invoke(
        cli.app, ["fixtures", "make", "late-joiners", "--tracks", "3", "--out", str(out)]
    )

    assert result.exit_code == ExitCode.HELD, result.output
    truth = json.loads((out / "truth.json").read_text())
    files = [track["file"] for track in truth["tracks"]]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "truth.json"])
    assert truth["name"] == "late-joiners"
    assert truth["duration"] == make_named_meeting("late-joiners", tracks=3).duration
    for track in truth["tracks"]:
        said = [w["text"] for w in truth["words"] if w["track_index"] == track["track_index"]]
        assert [word.text for word in detect_words_in_file(out / track["file"])] == said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["party"], "no meeting is called 'party'"),
        (["pair", "--tracks", "65"], "1 to 64 tracks"),
        (["pair", "--tracks", "0"], "1 to 64 tracks"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, arguments: list[str], told: str) -> None:
    result = runner.invoke(cli.app, ["fixtures", "make", *arguments, "--out", str(tmp_path)])

    assert result.exit_code == ExitCode.ENVIRONMENT
    assert told in result.stderr
    assert "Hint:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")

    result = runner.invoke(cli.app, ["fixtures", "make", "short", "--out", str(taken)])

    assert result.exit_code == ExitCode.ENVIRONMENT
    assert "cannot be written" in result.stderr


def test_all_meetings_are_listed(tmp_path: Path) -> None:
    report = tmp_path / "list.json"

    result = runner.invoke(cli.app, ["fixtures", "list", "--json", str(report)])

    assert result.exit_code == ExitCode.HELD
    assert [entry["name"] for entry in json.loads(report.read_text())] == [
        *NAMED_MEETINGS,
        "spoken",
    ]
    for name in NAMED_MEETINGS:
        assert name in result.output

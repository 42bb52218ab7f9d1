from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fixtures_audio import NAMED_MEETINGS, make_named_meeting, truth_of
from trackproof import cli
from trackproof.errors import ExitCode

runner = CliRunner()


def test_make_writes_a_meeting_and_its_truth(tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"

    result = runner.invoke(
        cli.app, ["fixtures", "make", "odd-offsets", "--tracks", "3", "--out", str(out)]
    )

    assert result.exit_code == ExitCode.HELD, result.output
    truth = json.loads((out / "truth.json").read_text())
    files = [track["file"] for track in truth["tracks"]]
    assert sorted(path.name for path in out.iterdir()) == sorted([*files, "truth.json"])
    assert truth["name"] == "odd-offsets"
    meeting = make_named_meeting("odd-offsets", tracks=3)
    assert truth == {"name": "odd-offsets", **truth_of(meeting, [out / name for name in files])}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["party"], "no meeting is named 'party'"),
        (["pair", "--tracks", "65"], "1 to 64 tracks"),
        (["pair", "--tracks", "0"], "1 to 64 tracks"),
    ],
)
def test_wrong_usage_writes_nothing_and_prints_a_hint(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    result = runner.invoke(cli.app, ["fixtures", "make", *arguments, "--out", str(tmp_path)])

    assert result.exit_code == ExitCode.ENVIRONMENT
    assert message in result.stderr
    assert "Hint:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")

    result = runner.invoke(cli.app, ["fixtures", "make", "short", "--out", str(taken)])

    assert result.exit_code == ExitCode.ENVIRONMENT
    assert "cannot be written" in result.stderr


@pytest.mark.parametrize("exists", [True, False])
def test_an_interruption_leaves_nothing(
    tmp_path: Path, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "new" / "folder"
    if exists:
        out.mkdir(parents=True)
        (out / "other").write_text("")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("fixtures_audio.webm.write_track", interrupt)

    result = runner.invoke(cli.app, ["fixtures", "make", "pair", "--out", str(out)])

    assert result.exit_code == 130
    assert "trackproof: interrupted" in result.stderr
    assert list(tmp_path.rglob("*")) == ([tmp_path / "new", out, out / "other"] if exists else [])


def test_list_shows_all_meetings(tmp_path: Path) -> None:
    report = tmp_path / "list.json"

    result = runner.invoke(cli.app, ["fixtures", "list", "--json", str(report)])

    assert result.exit_code == ExitCode.HELD
    assert [entry["name"] for entry in json.loads(report.read_text())] == [
        *NAMED_MEETINGS,
        "spoken",
    ]
    for name in NAMED_MEETINGS:
        assert name in result.output

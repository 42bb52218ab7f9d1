from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackproof import cli
from trackproof.contracts.load import ROOT


def contracts(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, ["contracts", *arguments])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def copy_of_contracts(folder: Path, *, track_index: int = 63, limit: int = 60) -> str:
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "releases")
    shutil.copytree(ROOT, folder, ignore=ignored)
    for file, old, new in (
        ("shapes.yaml", "maximum: 63}", f"maximum: {track_index}}}"),
        ("tasks/finalize.yaml", "timeoutSeconds: 60", f"timeoutSeconds: {limit}"),
    ):
        path = folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    (folder / "version.yaml").write_text("version: 1.0.0\n")
    return str(folder)


def test_diff_exits_with_1_and_reports_a_breaking_change(tmp_path: Path) -> None:
    old = copy_of_contracts(tmp_path / "old")
    new = copy_of_contracts(tmp_path / "new", track_index=31)
    report = tmp_path / "report.json"

    code, output = contracts("diff", old, new, "--json", str(report))

    assert code == 1
    assert "breaking: /tasks/pad_track/input/$defs/track_index" in output
    assert "breaks: 63" in output
    written = json.loads(report.read_text())
    assert (written["old"], written["new"], written["verdict"]) == ("1.0.0", "1.0.0", "breaking")
    first = written["changes"][0]
    assert first.keys() == {"pointer", "what", "verdict", "reason", "example"}
    assert first["verdict"] == "breaking"


@pytest.mark.parametrize(("limit", "verdict"), [(50, "consumers only"), (70, "compatible")])
def test_diff_exits_with_0_if_no_consumer_breaks(tmp_path: Path, limit: int, verdict: str) -> None:
    old = copy_of_contracts(tmp_path / "old")
    new = copy_of_contracts(tmp_path / "new", limit=limit)

    code, output = contracts("diff", old, new)

    assert code == 0
    assert output.endswith(f"1.0.0 to 1.0.0: {verdict}; changes: 1\n")


def test_diff_of_equal_contracts_exits_with_0() -> None:
    code, output = contracts("diff", str(ROOT))

    assert code == 0
    assert output.endswith("compatible; changes: 0\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the file cannot be read"),
        ("no json at all: {", "the file cannot be parsed"),
        ('{"openapi": "3.1.0"}', "required"),
        ("[1, 2]", "is not of type"),
        ("\x00", "parsed"),
    ],
)
def test_diff_exits_with_2_if_a_file_is_not_a_release(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)

    code, output = contracts("diff", str(path))

    assert code == 2
    assert message in output
    assert "Hint: " in output


def test_diff_exits_with_2_if_a_version_is_not_released() -> None:
    code, output = contracts("diff", "99.0.0")

    assert code == 2
    assert "the version 99.0.0 is not released" in output


def test_diff_exits_with_2_if_a_folder_has_no_contracts(tmp_path: Path) -> None:
    assert contracts("diff", str(tmp_path))[0] == 2


def test_diff_exits_with_2_if_the_report_is_not_writable() -> None:
    code, output = contracts("diff", str(ROOT), "--json", "/no/such/folder/r.json")

    assert code == 2
    assert "cannot be written" in output


def test_freeze_and_gate_have_the_documented_exit_codes(tmp_path: Path) -> None:
    root = copy_of_contracts(tmp_path / "contracts")

    assert contracts("gate", "--root", root)[0] == 1
    code, output = contracts("freeze", "--root", root)
    assert (code, output.startswith("wrote ")) == (0, True)
    assert contracts("freeze", "--root", root)[0] == 0
    assert contracts("gate", "--root", root)[0] == 0

    broken = copy_of_contracts(tmp_path / "broken", track_index=31)
    shutil.copytree(Path(root) / "releases", Path(broken) / "releases")
    assert contracts("gate", "--root", broken)[0] == 1
    code, output = contracts("freeze", "--root", broken)
    assert code == 2
    assert "released with other content" in output


def test_diff_prints_no_terminal_control_sequences(tmp_path: Path) -> None:
    old = copy_of_contracts(tmp_path / "old")
    new = copy_of_contracts(tmp_path / "new")
    path = tmp_path / "new" / "tasks" / "finalize.yaml"
    path.write_text(path.read_text().replace("Store the final", '"\\e[2JStore the final', 1)
                    .replace("in the database.\n", 'in the database."\n', 1))  # fmt: skip

    _, output = contracts("diff", old, new)

    assert "Store the final" in output
    assert "\x1b" not in output

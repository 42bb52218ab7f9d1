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


def test_a_breaking_change_ends_with_1_and_is_in_the_report(tmp_path: Path) -> None:
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
def test_what_breaks_no_consumer_ends_with_0(tmp_path: Path, limit: int, verdict: str) -> None:
    old = copy_of_contracts(tmp_path / "old")
    new = copy_of_contracts(tmp_path / "new", limit=limit)

    code, output = contracts("diff", old, new)

    assert code == 0
    assert output.endswith(f"1.0.0 to 1.0.0: {verdict}; changes: 1\n")


def test_the_same_contract_ends_with_0() -> None:
    code, output = contracts("diff", str(ROOT))

    assert code == 0
    assert output.endswith("compatible; changes: 0\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "it cannot be read"),
        ("no json at all: {", "it cannot be parsed"),
        ('{"openapi": "3.1.0"}', "required"),
        ("[1, 2]", "is not of type"),
        ("\x00", "parsed"),
    ],
)
def test_a_file_that_is_no_contract_ends_with_2(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "other.json"
    if content is not None:
        path.write_text(content)

    code, output = contracts("diff", str(path))

    assert code == 2
    assert message in output
    assert "Hint: " in output


def test_a_version_that_is_not_there_ends_with_2() -> None:
    code, output = contracts("diff", "99.0.0")

    assert code == 2
    assert "the version 99.0.0 is not released" in output


def test_a_folder_without_contracts_ends_with_2(tmp_path: Path) -> None:
    assert contracts("diff", str(tmp_path))[0] == 2


def test_a_report_that_cannot_be_written_is_told_first() -> None:
    code, output = contracts("diff", str(ROOT), "--json", "/no/such/folder/r.json")

    assert code == 2
    assert "cannot be written" in output


def test_freezing_and_the_gate_end_as_documented(tmp_path: Path) -> None:
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


def test_a_contract_from_outside_cannot_steer_the_terminal(tmp_path: Path) -> None:
    old = copy_of_contracts(tmp_path / "old")
    new = copy_of_contracts(tmp_path / "new")
    path = tmp_path / "new" / "tasks" / "finalize.yaml"
    path.write_text(path.read_text().replace("Make the result", '"\\e[2JMake the result', 1)
                    .replace("in the database.\n", 'in the database."\n', 1))  # fmt: skip

    _, output = contracts("diff", old, new)

    assert "Make the result" in output
    assert "\x1b" not in output

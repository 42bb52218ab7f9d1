"""`trackproof fleet new` writes a profile; `fleet check` says a line for all that is missing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackproof.cli import app
from trackproof.errors import FleetError
from trackproof.fleet import FleetProfile
from trackproof.suite.options import VerifyOptions
from trackproof.suite.preflight import PreflightResult
from trackproof.verify import fleet_check

PROFILE = f"name = \"mine\"\ncommand = ['{sys.executable}', '-c', 'pass']\n"

runner = CliRunner()


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_text(PROFILE)
    return path


def finding_these(
    monkeypatch: pytest.MonkeyPatch, *findings: PreflightResult, error: FleetError | None = None
) -> None:
    def found(
        profile: FleetProfile, options: VerifyOptions, report: Callable[[str], None]
    ) -> Iterator[PreflightResult]:
        assert (profile.name, options.only) == ("mine", ("pad_track",))
        yield from findings
        if error:
            raise error

    monkeypatch.setattr(fleet_check, "check_fleet", found)


def test_a_new_profile_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"

    first = runner.invoke(app, ["fleet", "new", str(path)])
    second = runner.invoke(app, ["fleet", "new", str(path)])

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert "trackproof fleet check" in first.output
    assert "there already" in second.output
    assert path.read_text().startswith("# A fleet of workers")


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([PreflightResult("ports", True, "all listen")], 0),
        (
            [
                PreflightResult("ports", True, "all listen"),
                PreflightResult("rows", False, "no row"),
            ],
            1,
        ),
        (
            [
                PreflightResult("rows", False, "no row"),
                PreflightResult("polls", False, "nobody", True),
            ],
            2,
        ),
    ],
)
def test_the_exit_code_says_whether_it_can_be_judged(
    findings: list[PreflightResult],
    code: int,
    profile: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finding_these(monkeypatch, *findings)

    done = runner.invoke(app, ["fleet", "check", str(profile), "--only", "pad_track"])

    assert done.exit_code == code
    assert [line[0] for line in done.output.splitlines()] == [
        "✓" if one.good else "✗" if one.fatal else "!" for one in findings
    ]


def test_a_fleet_that_dies_is_told_after_what_was_found(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = FleetError("fleet 'mine' died with exit code 7", evidence="no disk left")
    finding_these(monkeypatch, PreflightResult("ports", True, "all listen"), error=error)
    result = tmp_path / "found.json"

    done = runner.invoke(
        app, ["fleet", "check", str(profile), "--only", "pad_track", "--json", str(result)]
    )

    assert done.exit_code == 2
    assert "died with exit code 7" in done.output
    assert "no disk left" in done.output
    assert json.loads(result.read_text()) == {
        "fleet": "mine",
        "findings": [{"about": "ports", "good": True, "text": "all listen", "fatal": False}],
        "error": "fleet 'mine' died with exit code 7",
    }

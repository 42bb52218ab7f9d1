"""`trackproof fleet new` writes a profile; `fleet check` reports one line per finding."""

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


def fake_findings(
    monkeypatch: pytest.MonkeyPatch, *findings: PreflightResult, error: FleetError | None = None
) -> None:
    def check_fleet(
        profile: FleetProfile, options: VerifyOptions, report: Callable[[str], None]
    ) -> Iterator[PreflightResult]:
        assert (profile.name, options.only) == ("mine", ("pad_track",))
        yield from findings
        if error:
            raise error

    monkeypatch.setattr(fleet_check, "check_fleet", check_fleet)


def test_new_profile_does_not_replace_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"

    first = runner.invoke(app, ["fleet", "new", str(path)])
    second = runner.invoke(app, ["fleet", "new", str(path)])

    assert (first.exit_code, second.exit_code) == (0, 2)
    assert "trackproof fleet check" in first.output
    assert "exists already" in second.output
    assert path.read_text().startswith("# Profile of a fleet")


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
def test_exit_code_is_that_of_the_worst_finding(
    findings: list[PreflightResult],
    code: int,
    profile: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake_findings(monkeypatch, *findings)

    done = runner.invoke(app, ["fleet", "check", str(profile), "--only", "pad_track"])

    assert done.exit_code == code
    assert [line[0] for line in done.output.splitlines()] == [
        "✓" if one.good else "✗" if one.fatal else "!" for one in findings
    ]


def test_dead_fleet_is_reported_after_the_findings(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = FleetError("fleet 'mine' died with exit code 7", evidence="no disk left")
    fake_findings(monkeypatch, PreflightResult("ports", True, "all listen"), error=error)
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

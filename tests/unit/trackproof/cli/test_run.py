"""The options and exit codes of `trackproof run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.trackproof.report import run_events
from trackproof import cli
from trackproof.errors import FleetError
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Writer
from trackproof.lab import Testbed
from trackproof.verify import meeting_check
from trackproof.verify.meeting_check import RunOptions


class Started(BaseException):
    """Raised if a test starts a testbed."""


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(**_: object) -> None:
        raise Started

    monkeypatch.setattr(Testbed, "started", start)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """Replace runs by passing ones and collect their options."""
    runs: list[RunOptions] = []

    def run(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
        runs.append(options)
        ended = run_events.ended(Check("words.complete", True, "all"))
        for writer in writers:
            writer.write(ended)
        return ended

    monkeypatch.setattr(meeting_check, "check_meeting", run)
    return runs


def trackproof(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, list(arguments))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tracks", "0"], "--tracks 0 is out of range: a meeting has 1 to 64 tracks"),
        (["--tracks", "65"], "--tracks 65 is out of range"),
        (["--deny-consent", "3"], "--deny-consent [3] is out of range: tracks are 0 to 2"),
        (["--deny-consent", "-1"], "--deny-consent [-1] is out of range"),
        (["--seconds", "0.1"], "3 tracks do not fit into a meeting of 0.1 s"),
        (["--seconds", "-5"], "into a meeting of -5 s"),
        (["--seconds", "nan"], "into a meeting of nan s"),
        (["--seconds", "inf"], "a meeting lasts at most 14400 s (4 hours)"),
        (
            ["--seconds", "14401"],
            "--seconds 14401 is out of range: a meeting lasts at most 14400 s",
        ),
        (["--database", "mysql://u:secret@host/x"], "postgresql+psycopg://"),
        (["--json", "/no/such/folder/r.json"], "cannot be written to /no/such/folder/r.json"),
    ],
)
def test_a_usage_error_exits_with_2(arguments: list[str], message: str) -> None:
    code, output = trackproof("run", *arguments)

    assert code == 2
    assert message in output
    assert "Traceback" not in output


def test_options_are_passed_on(runs: list[RunOptions]) -> None:
    code, _ = trackproof(
        "run",
        *("--tracks", "5", "--seconds", "12.5", "--seed", "7"),
        *("--deny-consent", "4", "--deny-consent", "1", "--deny-consent", "4"),
        *("--conductor", "process", "--conductor-version", "3.32.3"),
    )

    assert code == 0
    assert runs == [
        RunOptions(
            tracks=5, seconds=12.5, seed=7, denied=[1, 4], conductor="process", version="3.32.3"
        )
    ]


def test_defaults_are_the_documented_ones(runs: list[RunOptions]) -> None:
    trackproof("run")

    assert runs == [RunOptions(tracks=3, seconds=30, seed=0, denied=[], version="3.15.0")]


def test_any_fleet_can_run_and_be_kept(runs: list[RunOptions], tmp_path: Path) -> None:
    profile = tmp_path / "fleet.toml"
    profile.write_text('name = "mine"\ncommand = ["true"]\n')

    code, _ = trackproof("run", "--fleet", str(profile), "--keep")

    assert code == 0
    assert [(run.fleet.name, run.keep) for run in runs] == [("mine", True)]


def test_an_unknown_fleet_is_an_error_before_anything_starts() -> None:
    code, output = trackproof("run", "--fleet", "no-such.toml")

    assert code == 2
    assert "the fleet's profile 'no-such.toml' cannot be read" in output


def test_a_passing_run_exits_with_0_and_writes_the_report(
    runs: list[RunOptions], tmp_path: Path
) -> None:
    code, output = trackproof("run", "--json", str(tmp_path / "report.json"))

    assert code == 0
    assert "HELD: 1 of 1 checks, 18.5 s" in output
    assert '"passed": true' in (tmp_path / "report.json").read_text()


def test_a_failed_check_exits_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = run_events.ended(Check("words.complete", False, "none"))
    monkeypatch.setattr(meeting_check, "check_meeting", lambda *_: ended)

    assert trackproof("run")[0] == 1


def test_an_environment_error_exits_with_2_and_shows_evidence_and_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise FleetError("the fleet died", evidence="[bold]no disk[/bold]", hint="buy one")

    monkeypatch.setattr(meeting_check, "check_meeting", die)

    code, output = trackproof("run")

    assert code == 2
    assert "trackproof: the fleet died\n  | [bold]no disk[/bold]\nHint: buy one\n" in output

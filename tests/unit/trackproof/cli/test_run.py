"""Wrong usage is told before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.trackproof.report import event_stream
from trackproof import cli
from trackproof.errors import FleetError
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Writer
from trackproof.lab import Testbed
from trackproof.verify import meeting_check
from trackproof.verify.meeting_check import RunOptions


class Started(BaseException):
    """Something was started that must not be."""


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(**_: object) -> None:
        raise Started

    monkeypatch.setattr(Testbed, "started", start)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """Run nothing; keep what would have been run, which holds."""
    kept: list[RunOptions] = []

    def run(options: RunOptions, writers: Sequence[Writer]) -> RunEnded:
        kept.append(options)
        ended = event_stream.ended(Check("words.complete", True, "all"))
        for writer in writers:
            writer.write(ended)
        return ended

    monkeypatch.setattr(meeting_check, "check_meeting", run)
    return kept


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
        (["--deny-consent", "3"], "--deny-consent [3] names a track that is not there: 0 to 2"),
        (["--deny-consent", "-1"], "names a track that is not there"),
        (["--seconds", "0.1"], "3 tracks do not fit into a meeting of 0.1 s"),
        (["--seconds", "-5"], "3 tracks do not fit into a meeting of -5 s"),
        (["--seconds", "nan"], "3 tracks do not fit into a meeting of nan s"),
        (["--seconds", "inf"], "3 tracks do not fit into a meeting of inf s"),
        (["--json", "/no/such/folder/r.json"], "cannot be written to /no/such/folder/r.json"),
    ],
)
def test_wrong_usage_of_run_is_told_and_ends_with_2(arguments: list[str], message: str) -> None:
    code, output = trackproof("run", *arguments)

    assert code == 2
    assert message in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    "arguments",
    [["run", "--tracks", "three"], ["run", "--nonsense"], ["nonsense"], ["register"]],
)
def test_what_is_no_command_ends_with_2(arguments: list[str]) -> None:
    assert trackproof(*arguments)[0] == 2


def test_options_are_handed_on(asked: list[RunOptions]) -> None:
    code, _ = trackproof(
        "run",
        *("--tracks", "5", "--seconds", "12.5", "--seed", "7"),
        *("--deny-consent", "4", "--deny-consent", "1", "--deny-consent", "4"),
        *("--conductor", "process", "--conductor-version", "3.32.3"),
    )

    assert code == 0
    assert asked == [
        RunOptions(
            tracks=5, seconds=12.5, seed=7, denied=[1, 4], conductor="process", version="3.32.3"
        )
    ]


def test_the_defaults_are_the_documented_ones(asked: list[RunOptions]) -> None:
    trackproof("run")

    assert asked == [RunOptions(tracks=3, seconds=30, seed=0, denied=[], version="3.15.0")]


def test_a_run_that_holds_ends_with_0_and_writes_the_report(
    asked: list[RunOptions], tmp_path: Path
) -> None:
    code, output = trackproof("run", "--json", str(tmp_path / "report.json"))

    assert code == 0
    assert "HELD: 1 of 1 checks, 18.5 s" in output
    assert '"passed": true' in (tmp_path / "report.json").read_text()


def test_a_failed_check_ends_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = event_stream.ended(Check("words.complete", False, "none"))
    monkeypatch.setattr(meeting_check, "check_meeting", lambda *_: ended)

    assert trackproof("run")[0] == 1


def test_a_broken_environment_ends_with_2_evidence_and_hint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object) -> None:
        raise FleetError("the fleet died", evidence="[bold]no disk[/bold]", hint="buy one")

    monkeypatch.setattr(meeting_check, "check_meeting", die)

    code, output = trackproof("run")

    assert code == 2
    assert "trackproof: the fleet died\n  | [bold]no disk[/bold]\nHint: buy one\n" in output

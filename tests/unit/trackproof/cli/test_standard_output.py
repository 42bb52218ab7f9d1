"""`--json -`: the report alone is on standard output, everything else on standard error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.trackproof.report import run_events
from tests.unit.trackproof.report.verify_events import PASSED, verification
from trackproof import cli
from trackproof.errors import UsageError
from trackproof.events.runs import Check, RunEnded
from trackproof.events.stream import Note, Writer
from trackproof.report.output import STANDARD_OUTPUT, print_report, reserved_for_reports
from trackproof.suite.options import VerifyOptions
from trackproof.verify import meeting_check, runner
from trackproof.verify.meeting_check import RunOptions


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("fixtures", "list", "--json", "-"), "three-hours"),
        (("contracts", "check", "--json", "-"), "no defects"),
        (("contracts", "diff", "1.0.0", "1.0.0", "--json", "-"), "changes: 0"),
        (("contracts", "list", "--json", "-"), ""),
        (("contracts", "list", "--json"), ""),
        (("contracts", "list", "--json", "--task", "finalize"), ""),
    ],
    ids=" ".join,
)
def test_standard_output_is_json_and_nothing_else(arguments: Sequence[str], shown: str) -> None:
    done = CliRunner().invoke(cli.app, list(arguments))

    assert done.exit_code == 0, done.output
    json.loads(done.stdout)
    assert shown in done.stderr


def test_a_run_shows_its_progress_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_: RunOptions, writers: Sequence[Writer]) -> RunEnded:
        ended = run_events.ended(Check("words.complete", True, "all"))
        for event in (Note("starting"), ended):
            for writer in writers:
                writer.write(event)
        return ended

    monkeypatch.setattr(meeting_check, "check_meeting", run)

    done = CliRunner().invoke(cli.app, ["run", "--json", "-"])

    assert json.loads(done.stdout)["checks"][0]["id"] == "words.complete"
    assert "starting" in done.stderr
    assert "HELD: 1 of 1 checks" in done.stderr


@pytest.mark.parametrize("kind", ["json", "ndjson", "junit", "html"])
def test_every_report_of_a_verification_can_go_to_standard_output(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = verification(PASSED)

    def judge(_: VerifyOptions, writers: Sequence[Writer]) -> object:
        for event in events:
            for writer in writers:
                writer.write(event)
        return events[-1]

    monkeypatch.setattr(runner, "verify", judge)

    done = CliRunner().invoke(cli.app, ["verify", f"--{kind}", "-"])

    assert done.exit_code == 0, done.output
    beginning = {"json": "{", "ndjson": "{", "junit": "<?xml", "html": "<!DOCTYPE html>"}[kind]
    assert done.stdout.startswith(beginning)
    assert "HELD: 1 of 1 clauses" in done.stderr
    assert not Path("-").exists()


def test_two_reports_cannot_share_standard_output() -> None:
    done = CliRunner().invoke(cli.app, ["verify", "--json", "-", "--html", "-"])

    assert done.exit_code == 2
    assert "2 reports would go to standard output" in done.stderr
    with pytest.raises(UsageError), reserved_for_reports([STANDARD_OUTPUT, STANDARD_OUTPUT]):
        pass


def test_the_report_is_utf8_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))

    print_report('{"name": "“Zoë”"}')

    assert json.loads(written.getvalue()) == {"name": "“Zoë”"}


@pytest.mark.slow
def test_a_reader_that_closes_the_pipe_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "trackproof", "contracts", "list", "--json"],
        stdout=writing,
        stderr=subprocess.PIPE,
    ) as verb:
        os.close(writing)
        os.close(reading)
        assert verb.stderr is not None
        errors = verb.stderr.read()

    assert (verb.returncode, errors) == (0, b"")

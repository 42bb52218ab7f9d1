"""The output of `trackproof run`, on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable

import pytest
from rich.console import Console
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report import run_events
from trackproof.events.runs import Check, RunStarted, StepsSeen
from trackproof.events.stream import Event, Note
from trackproof.events.verification import EnvironmentKept, KeptRun
from trackproof.report.terminal.run import PlainLines, RunTerminal, terminal_writer
from trackproof.wait import wait_until

RUNS = {"passed": run_events.passed_run(), "failed": run_events.failed_run()}
HOSTILE = "[red]loud[/red] \x1b[2J\x1b]0;title\x07 :cat:\r\nsecond\u009b31m line"
ESCAPED = r"[red]loud[/red] \x1b[2J\x1b]0;title\x07 :cat: second\x9b31m line"


def console(*, terminal: bool = False) -> Console:
    return Console(
        file=io.StringIO(),
        width=100,
        height=40,
        force_terminal=terminal,
        color_system=None,
        legacy_windows=False,
        _environ={},
    )


def output(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def plain(events: Iterable[Event]) -> str:
    screen = console()
    writer = PlainLines(screen)
    for event in events:
        writer.write(event)
    writer.close()
    return output(screen)


def on_terminal(events: Iterable[Event]) -> str:
    """Return the final content of a terminal: the last live display and the lines around it."""
    screen = console(terminal=True)
    writer = RunTerminal(screen)
    for event in events:
        writer.write(event)
    writer.close()
    # The live display repaints itself; only the text after the last erasure remains.
    head, _, rest = output(screen).partition("\x1b[?25l")
    display = rest.rpartition("\x1b[2K")[2].replace("\x1b[?25h", "")
    return Text.from_ansi(head + display).plain


@pytest.mark.parametrize("name", RUNS)
def test_plain_lines(name: str, snapshot: SnapshotAssertion) -> None:
    assert plain(RUNS[name]) == snapshot


@pytest.mark.parametrize("name", RUNS)
def test_terminal(name: str, snapshot: SnapshotAssertion) -> None:
    assert on_terminal(RUNS[name]) == snapshot


def test_a_terminal_says_how_long_it_takes_and_what_it_waits_for() -> None:
    steps = (
        run_events.step("pad_track", "IN_PROGRESS", done=1, branches=3),
        run_events.step("generate_title", "SCHEDULED"),
    )
    screen = console(terminal=True)
    writer = RunTerminal(screen)
    writer.write(run_events.started())
    writer.write(StepsSeen(steps))
    line = "s elapsed, waits for pad_track (1 of 3) and a worker that takes generate_title"
    wait_until(lambda: line in output(screen), what="the line", timeout=5)
    writer.close()

    assert "elapsed" not in output(screen).rpartition("\x1b[2K")[2]


def test_plain_lines_show_a_change_once() -> None:
    steps = StepsSeen((run_events.step("get_recording"),))

    assert plain([steps, steps, steps]).count("get_recording") == 1


def test_plain_lines_are_not_wrapped() -> None:
    detail = "word " * 60

    assert len(plain([Check("words.complete", False, detail)]).splitlines()) == 1


def hostile_run() -> list[Event]:
    step = run_events.step("pad_track", "FAILED", reason=HOSTILE)
    check = Check("steps.completed", False, HOSTILE)
    return [
        Note(HOSTILE),
        RunStarted("workflow-1", 3, "existing", HOSTILE),
        StepsSeen((step,)),
        check,
        run_events.ended(check),
    ]


def test_untrusted_text_is_escaped_in_plain_lines() -> None:
    text = plain(hostile_run())

    assert "\x1b" not in text
    assert text.count(ESCAPED) == 4
    assert len(text.splitlines()) == 5


def test_untrusted_text_cannot_control_a_terminal() -> None:
    screen = console(terminal=True)
    writer = RunTerminal(screen)
    for event in hostile_run():
        writer.write(event)
    text = output(screen)

    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert not set("\x07\x9b") & set(text)
    assert "[red]loud[/red]" in text


def test_closing_is_idempotent() -> None:
    screen = console(terminal=True)
    writer = RunTerminal(screen)

    writer.close()
    writer.write(run_events.started())
    writer.close()
    writer.close()

    assert output(screen).endswith("\x1b[?25h")  # the cursor is visible again


def test_steps_before_the_start_of_the_run_are_ignored() -> None:
    assert on_terminal([StepsSeen((run_events.step("get_recording"),))]) == ""


def test_one_track_is_singular() -> None:
    assert "  1 track " in plain([RunStarted("workflow-1", 1, "process", "3.15.0")])


def test_the_writer_depends_on_the_console() -> None:
    assert isinstance(terminal_writer(console(terminal=True)), RunTerminal)
    assert isinstance(terminal_writer(console()), PlainLines)


def test_a_run_ends_with_its_timeline_and_the_verdict() -> None:
    lines = plain([run_events.every_status()]).splitlines()

    assert lines[0].startswith("diarization_pipeline  workflow-1  FAILED")
    bars = next(line for line in lines if "pad_track_0" in line)
    assert "█" in bars  # wide enough for bars, whatever the width of a log
    assert "First cause: pad: S3 answered 503" in lines
    assert lines[-1].startswith("FAILED: 2 of 4 checks")


def test_an_early_end_without_a_workflow_is_left_to_the_error() -> None:
    assert plain([run_events.interrupted()]) == ""


@pytest.mark.parametrize("show", [plain, on_terminal])
def test_a_kept_testbed_is_shown_with_the_command_that_explains_its_run(
    show: Callable[[Iterable[Event]], str],
) -> None:
    addresses = {"conductor": "http://c/api", "database": "sqlite:////tmp/a b/fleet.db"}
    runs = (KeptRun("meeting", "COMPLETED", ("workflow-1",)),)

    text = show([EnvironmentKept(addresses, runs)])

    assert "trackproof explain workflow-1 --conductor http://c/api" in text
    assert "--database 'sqlite:////tmp/a b/fleet.db'" in text
    assert "The testbed runs until Ctrl-C:" in text


def test_a_hidden_password_is_in_no_command() -> None:
    kept = EnvironmentKept(
        {"conductor": "http://c/api", "database": "postgresql://u:***@h/d"},
        (KeptRun("meeting", "COMPLETED", ("workflow-1",)),),
    )

    assert "--database" not in plain([kept])


def test_a_quiet_run_shows_what_fails_and_the_verdict() -> None:
    screen = console(terminal=True)
    writer = terminal_writer(screen, verbosity=-1)
    for event in RUNS["failed"]:
        writer.write(event)

    failed = [one for one in RUNS["failed"] if isinstance(one, Check) and not one.passed]
    lines = output(screen).splitlines()
    assert len(lines) == len(failed) + 1
    assert lines[-1].startswith("FAILED: ")


def test_a_verbose_run_writes_lines_on_a_terminal_too() -> None:
    assert isinstance(terminal_writer(console(terminal=True), verbosity=1), PlainLines)

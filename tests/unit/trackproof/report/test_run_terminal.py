"""What a person sees of a run, on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from rich.console import Console
from rich.text import Text
from syrupy.assertion import SnapshotAssertion

from tests.unit.trackproof.report import event_stream
from trackproof.events.runs import Check, RunStarted, StepsSeen
from trackproof.events.stream import Event, Note
from trackproof.report.terminal.run import PlainLines, Terminal, console_writer

RUNS = {"held": event_stream.held_run(), "failed": event_stream.failed_run()}
OUTSIDE = "[red]loud[/red] \x1b[2J\x1b]0;title\x07 :cat:\r\nsecond\u009b31m line"
HARMLESS = r"[red]loud[/red] \x1b[2J\x1b]0;title\x07 :cat: second\x9b31m line"


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


def told(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def plain(events: Iterable[Event]) -> str:
    screen = console()
    writer = PlainLines(screen)
    for event in events:
        writer.write(event)
    writer.close()
    return told(screen)


def on_terminal(events: Iterable[Event]) -> str:
    """Return what stands on a terminal in the end: the last picture and the lines around it."""
    screen = console(terminal=True)
    writer = Terminal(screen)
    for event in events:
        writer.write(event)
    writer.close()
    # The live picture repaints over itself; the text after the last erasure is what stays.
    head, _, rest = told(screen).partition("\x1b[?25l")
    picture = rest.rpartition("\x1b[2K")[2].replace("\x1b[?25h", "")
    return Text.from_ansi(head + picture).plain


@pytest.mark.parametrize("name", RUNS)
def test_plain_lines(name: str, snapshot: SnapshotAssertion) -> None:
    assert plain(RUNS[name]) == snapshot


@pytest.mark.parametrize("name", RUNS)
def test_terminal(name: str, snapshot: SnapshotAssertion) -> None:
    assert on_terminal(RUNS[name]) == snapshot


def test_plain_lines_tell_a_change_once() -> None:
    steps = StepsSeen((event_stream.step("get_recording"),))

    assert plain([steps, steps, steps]).count("get_recording") == 1


def test_plain_lines_are_never_broken() -> None:
    detail = "word " * 60

    assert len(plain([Check("words.complete", False, detail)]).splitlines()) == 1


def hostile_run() -> list[Event]:
    step = event_stream.step("pad_track", "FAILED", reason=OUTSIDE)
    check = Check("steps.completed", False, OUTSIDE)
    return [
        Note(OUTSIDE),
        RunStarted("workflow-1", 3, "existing", OUTSIDE),
        StepsSeen((step,)),
        check,
        event_stream.ended(check),
    ]


def test_text_from_outside_is_told_as_it_is_and_moves_nothing() -> None:
    text = plain(hostile_run())

    assert "\x1b" not in text
    assert text.count(HARMLESS) == 4
    assert len(text.splitlines()) == 5


def test_text_from_outside_moves_nothing_on_a_terminal() -> None:
    screen = console(terminal=True)
    writer = Terminal(screen)
    for event in hostile_run():
        writer.write(event)
    text = told(screen)

    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert not set("\x07\x9b") & set(text)
    assert "[red]loud[/red]" in text


def test_closing_twice_or_without_a_run_is_fine() -> None:
    screen = console(terminal=True)
    writer = Terminal(screen)

    writer.close()
    writer.write(event_stream.started())
    writer.close()
    writer.close()

    assert told(screen).endswith("\x1b[?25h")  # the cursor is back


def test_steps_before_the_run_has_started_show_nothing() -> None:
    assert on_terminal([StepsSeen((event_stream.step("get_recording"),))]) == ""


@pytest.mark.parametrize(("tracks", "text"), [(1, "1 track "), (2, "2 tracks ")])
def test_one_track_is_told_in_the_singular(tracks: int, text: str) -> None:
    assert f"  {text}" in plain([RunStarted("workflow-1", tracks, "process", "3.15.0")])


def test_the_writer_fits_where_it_writes() -> None:
    assert isinstance(console_writer(console(terminal=True)), Terminal)
    assert isinstance(console_writer(console()), PlainLines)

"""A log becomes plain text with its exception first, however the fleet prints it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.traceback import Traceback

from trackproof.fleet.log_text import readable_log


def rich_traceback(*, colours: bool) -> str:
    """Return what rich prints for an exception, with boxes and local variables."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=colours, width=90)
    token = "local-value"
    try:
        raise KeyError(f"no such track: {len(token)}")
    except KeyError as error:
        console.print(
            Traceback.from_exception(type(error), error, error.__traceback__, show_locals=True)
        )
    return output.getvalue()


@pytest.mark.parametrize("colours", [True, False])
def test_rich_traceback_is_plain_and_begins_with_its_exception(colours: bool) -> None:
    text = readable_log("starting\n" + rich_traceback(colours=colours) + "polling\n", 60)

    lines = text.splitlines()
    assert lines[0] == "KeyError: 'no such track: 11'"
    assert lines[1] == "starting"
    assert lines[-1] == "polling"
    assert "raise KeyError" in text
    assert "token = 'local-value'" not in text
    assert not set(text) & set("\x1b╭╮╰╯│─")


def test_part_of_a_box_is_plain_too() -> None:
    lines = rich_traceback(colours=False).splitlines()

    text = readable_log("\n".join(lines[2:]), 60)

    assert not set(text) & set("╭╮╰╯│─")
    assert text.startswith("KeyError: ")


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("\x1b[31mred\x1b[0m\x1b]0;title\x07 plain\r\n", "red plain"),
        ("10 %\r50 %\r100 %\n", "100 %"),
        ("a\n\n\nb\x00\n", "a\nb"),
        ("┌──────┐\n│ text │\n└──────┘", "text"),
        ("one | two\n- item\n--- a/file", "one | two\n- item\n--- a/file"),
        ("", ""),
    ],
)
def test_colours_boxes_and_progress_are_removed(log: str, expected: str) -> None:
    assert readable_log(log, 10) == expected


def test_exception_above_the_last_lines_is_kept_first() -> None:
    log = "asyncpg.exceptions.UndefinedTableError: no table\n" + "\n".join(map(str, range(50)))

    text = readable_log(log, 5)

    assert text.splitlines() == [
        "asyncpg.exceptions.UndefinedTableError: no table",
        *("46", "47", "48", "49"),
    ]


def test_last_of_several_exceptions_is_first() -> None:
    log = "Traceback (most recent call last):\nOSError: a\nTraceback:\nValueError: b\nend"

    assert readable_log(log, 10).startswith("ValueError: b\nTraceback (most recent call last):")


def test_words_in_a_log_line_are_no_exception() -> None:
    assert readable_log("first\n12:00 ERROR ValueError: x was logged", 10).startswith("first")

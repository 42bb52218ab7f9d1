"""Files that reports are written to: atomically, and never over an older one that says more.

The path `-` is standard output.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Final, TextIO

from trackproof.errors import UsageError

STANDARD_OUTPUT: Final = Path("-")

_reserved: ContextVar[TextIO | None] = ContextVar("_reserved", default=None)
"""Standard output, while it takes a report only."""


@contextmanager
def reserved_for_reports(paths: Iterable[object]) -> Iterator[None]:
    """Keep standard output for a report if one of `paths` is `-`; all else goes to standard error.

    Raises:
        UsageError: Two reports would go to standard output.
    """
    count = sum(path == STANDARD_OUTPUT for path in paths)
    if count > 1:
        raise UsageError(
            f"{count} reports would go to standard output",
            hint="give `-` to one of them and a file to each other",
        )
    if not count:
        yield
        return
    token = _reserved.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _reserved.reset(token)


def print_report(text: str) -> None:
    """Write a report to standard output as UTF-8, whatever the terminal's encoding."""
    stream = _reserved.get() or sys.stdout
    try:
        if (binary := getattr(stream, "buffer", None)) is None:
            stream.write(text)
        else:
            stream.flush()
            binary.write(text.encode("utf-8", "backslashreplace"))
        stream.flush()
    except BrokenPipeError:  # the reader has what it wants; the rest of the buffer goes nowhere
        _discard(stream.fileno())


def release_standard_output() -> None:
    """Close a pipe on standard output, whose reader waits for its end: `source <(trackproof up)`.

    A terminal or a file stays.
    """
    stream = _reserved.get() or sys.stdout
    with suppress(OSError):  # no file at all, in tests
        descriptor = stream.fileno()
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            stream.flush()
            _discard(descriptor)


def _discard(descriptor: int) -> None:
    """Let whatever is still written to `descriptor` go nowhere."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), descriptor)


class ReportFile:
    """Base of the report writers: a path that is checked before anything runs."""

    def __init__(self, path: Path) -> None:
        """Check that the file can be written.

        Raises:
            UsageError: `path` is not writable.
        """
        check_writable(path)
        self._path = path


def check_writable(path: Path) -> None:
    """Check that `path` can be replaced, without creating or changing it.

    Raises:
        UsageError: `path` is not writable.
    """
    if path == STANDARD_OUTPUT:
        return
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path} is a folder")
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {path}",
            evidence=str(error),
            hint="give a file in an existing folder that you can write to",
        ) from error


def write_json(path: Path, content: object, *, complete: bool = True) -> None:
    """Write `content` as indented JSON; otherwise like `write_text`."""
    text = f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"
    write_text(path, text, complete=complete)


def write_text(path: Path, text: str, *, complete: bool = True) -> None:
    """Replace a file in one step; an interruption leaves the old file or the new one.

    Args:
        path: The file, or `-`.
        text: Its content, written as UTF-8.
        complete: Whether the report is complete; an incomplete one moves an older file aside,
            to `<name>.previous`.

    Raises:
        OSError: The disk is full, or the folder is not writable.
    """
    if path == STANDARD_OUTPUT:
        print_report(text)
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        if not complete:
            move_aside(path)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def move_aside(path: Path) -> None:
    """Rename an existing file with content to `<name>.previous`."""
    if path.is_file() and path.stat().st_size:
        path.replace(path.with_name(f"{path.name}.previous"))

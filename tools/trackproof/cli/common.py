"""Options that several verbs share, and the one way in which verbs end."""

from __future__ import annotations

from collections.abc import Callable
from errno import EDQUOT, ENOSPC
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.interruption import interruption_code
from trackproof.errors import ExitCode, TrackproofError, UsageError
from trackproof.report.output import reserved_for_reports
from trackproof.report.terminal.printable import escape_controls

P = ParamSpec("P")

JsonOption = Annotated[
    Path | None,
    typer.Option("--json", help="Write the result to this file as JSON; - is standard output."),
]

CONDUCTOR_VARIABLE = "CONDUCTOR_SERVER_URL"
"""Read by every verb that takes a server: run, verify, replay, register, explain, fleet check."""

ConductorOption = Annotated[
    str,
    typer.Option(
        envvar=["TRACKPROOF_CONDUCTOR", CONDUCTOR_VARIABLE],
        help="auto, container, process, durable, or the URL of a running server.",
    ),
]

ServerOption = Annotated[
    str,
    typer.Option("--conductor", envvar=CONDUCTOR_VARIABLE, help="URL of a running Conductor."),
]

ConductorVersionOption = Annotated[
    str | None, typer.Option(help="Version to start; `trackproof doctor` lists them.")
]

FleetOption = Annotated[
    str, typer.Option("--fleet", help="The fleet's profile: a TOML file, or `reference`.")
]

KeepOption = Annotated[
    bool,
    typer.Option(
        "--keep",
        help="Leave the testbed running until Ctrl-C; prints its addresses and workflow ids.",
    ),
]

JUnitOption = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")]

NdjsonOption = Annotated[
    Path | None, typer.Option("--ndjson", help="Write each event to this file as it happens.")
]

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write one self-contained page.")]

DatabaseOption = Annotated[
    str | None, typer.Option(help="Where the fleet keeps its state: sqlite or postgres.")
]

QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print only what fails and the verdict.")
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Print each result as it is known.")
]


def verbosity(*, quiet: bool, verbose: bool) -> int:
    """Return -1, 0 or 1.

    Raises:
        UsageError: Both are given.
    """
    if quiet and verbose:
        raise UsageError("--quiet and --verbose exclude each other")
    return int(verbose) - int(quiet)


RootOption = Annotated[Path, typer.Option("--root", help="The contracts folder.")]


def ends_cleanly(command: Callable[P, ExitCode]) -> Callable[P, None]:
    """Turn a command's result or error into its exit code; print errors on standard error.

    If a report goes to standard output (`--json -`), everything else goes to standard error.
    """

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        code: int
        try:
            with reserved_for_reports(kwargs.values()):
                code = command(*args, **kwargs)
        except TrackproofError as error:
            print_error(str(error))
            code = error.exit_code
        except OSError as error:
            if error.errno not in {ENOSPC, EDQUOT}:
                raise
            hint = "Hint: free some space, or set TMPDIR to a folder on another disk"
            where = f" ({error.filename})" if error.filename else ""
            print_error(f"disk full: {error.strerror}, errno {error.errno}{where}\n{hint}")
            code = ExitCode.ENVIRONMENT
        except KeyboardInterrupt:
            print_error("interrupted")
            raise typer.Exit(interruption_code()) from None
        raise typer.Exit(code)

    return wrapped


def print_error(text: str) -> None:
    """Print an error on standard error."""
    lines = f"trackproof: {text}".splitlines()
    Console(stderr=True).print(Text("\n".join(map(escape_controls, lines))), soft_wrap=True)

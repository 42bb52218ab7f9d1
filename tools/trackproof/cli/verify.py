"""`trackproof verify` and `trackproof replay`: hold a fleet against its contracts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    DatabaseOption,
    JsonOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode

if TYPE_CHECKING:
    from trackproof.events.stream import Writer

FAILURES = Path(".trackproof/failures")
"""Below the current folder: what fails belongs to the fleet that is worked on."""

FLOOR = 0.0
"""Percent that the whole suite must exercise where nothing else is said."""

FailuresOption = Annotated[
    Path, typer.Option(help="The folder that failing clauses are kept in, for replay.")
]
KeepOption = Annotated[
    bool, typer.Option("--keep", help="Leave the testbed standing until Ctrl-C.")
]


@ends_cleanly
def verify(
    fleet: Annotated[
        str, typer.Option(help="The fleet's profile: a TOML file, or `reference`.")
    ] = "reference",
    only: Annotated[str, typer.Option(help="Task types or clause ids, by comma.")] = "",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    time_scale: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="What awaited time-outs are scaled by.")
    ] = 0.001,
    failures: FailuresOption = FAILURES,
    floor: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=100.0,
            help="Percent of tasks, edges and clauses that the whole suite must exercise.",
        ),
    ] = FLOOR,
    keep: KeepOption = False,
    json_file: JsonOption = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    ndjson: Annotated[
        Path | None, typer.Option(help="Write each event to this file as it happens.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
) -> ExitCode:
    """Hold a fleet against its contracts, clause by clause."""
    from trackproof.report.files import file_writers
    from trackproof.suite.options import VerifyOptions, comma_separated
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.verify.runner import verify as hold

    options = VerifyOptions(
        fleet=_found(fleet),
        only=comma_separated(only),
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        time_scale=time_scale,
        failures=failures.resolve(),
        floor=floor,
        keep=keep,
    )
    files = file_writers(json=json_file, junit=junit, ndjson=ndjson, html=html)
    ended = hold(options, [_screen(), *files])
    return ExitCode.HELD if ended.held else ExitCode.CHECK_FAILED


@ends_cleanly
def replay(
    failure: Annotated[
        str | None, typer.Argument(help="The id of a kept failure, or how it begins.")
    ] = None,
    fleet: Annotated[
        str | None, typer.Option(help="Another profile than the one that failed.")
    ] = None,
    conductor: ConductorOption = "auto",
    conductor_version: Annotated[
        str | None, typer.Option(help="Another version than the one that it failed on.")
    ] = None,
    database: DatabaseOption = None,
    failures: FailuresOption = FAILURES,
    keep: KeepOption = False,
) -> ExitCode:
    """Run one kept failure again and say FIXED or STILL FAILING; without an id, list them."""
    from trackproof.report.terminal.replay import listed, told
    from trackproof.suite.options import VerifyOptions
    from trackproof.verify.failure_store import find_failure, stored_failures
    from trackproof.verify.replay import replay as again

    if failure is None:
        Console().print(listed(stored_failures(failures)), soft_wrap=True)
        return ExitCode.HELD
    found = find_failure(failures, failure)
    options = VerifyOptions(
        fleet=found.fleet if fleet is None else _found(fleet),
        conductor=conductor,
        version=conductor_version or found.version,
        database=database or found.database,
        keep=keep,
    )
    ended = again(found, options, [_screen()])
    Console().print(told(ended), soft_wrap=True)
    return ExitCode.HELD if ended.fixed else ExitCode.CHECK_FAILED


def _found(fleet: str) -> str:
    """Return a profile's name, or where its file is whatever the current folder is."""
    return str(Path(fleet).resolve()) if Path(fleet).is_file() else fleet


def _screen() -> Writer:
    """Return the writer for people.

    It is bound to the stream of now: pytest's own words go elsewhere while it runs.
    """
    from trackproof.report.terminal.verify import VerifyTerminal

    return VerifyTerminal(Console(file=sys.stdout))

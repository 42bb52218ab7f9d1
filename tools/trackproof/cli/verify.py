"""`trackproof verify` and `trackproof replay`: judge a fleet by its contracts."""

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
    FleetOption,
    HtmlOption,
    JsonOption,
    JUnitOption,
    KeepOption,
    NdjsonOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode

if TYPE_CHECKING:
    from trackproof.events.stream import Writer

FLOOR = 100.0
"""The default floor of coverage, in percent."""

FAILURES = Path(".trackproof/failures")  # `suite.options.FAILURES`, which is slow to import

FailuresOption = Annotated[Path, typer.Option(help="The folder for failing clauses, for replay.")]


@ends_cleanly
def verify(
    fleet: FleetOption = "reference",
    only: Annotated[str, typer.Option(help="Task types or clause ids, by comma.")] = "",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    time_scale: Annotated[
        float,
        typer.Option(min=0.0001, max=1.0, help="Factor for the time-outs that clauses wait for."),
    ] = 0.001,
    failures: FailuresOption = FAILURES,
    floor: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=100.0,
            help="Percent of tasks, edges and clauses that a whole run must exercise.",
        ),
    ] = FLOOR,
    keep: KeepOption = False,
    json_file: JsonOption = None,
    junit: JUnitOption = None,
    ndjson: NdjsonOption = None,
    html: HtmlOption = None,
) -> ExitCode:
    """Judge a fleet by its contracts, clause by clause."""
    from trackproof.report.writers import file_writers
    from trackproof.suite.options import VerifyOptions, comma_separated
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.verify.runner import verify as judge

    options = VerifyOptions(
        fleet=_absolute(fleet),
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
    ended = judge(options, [_terminal(), *files])
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED


@ends_cleanly
def replay(
    failure: Annotated[
        str | None, typer.Argument(help="The id of a stored failure, or a unique prefix.")
    ] = None,
    fleet: Annotated[
        str | None, typer.Option(help="Another profile instead of the one that failed.")
    ] = None,
    conductor: ConductorOption = "auto",
    conductor_version: Annotated[
        str | None, typer.Option(help="Another version instead of the one it failed on.")
    ] = None,
    database: DatabaseOption = None,
    failures: FailuresOption = FAILURES,
    every: Annotated[bool, typer.Option("--all", help="Replay all stored failures.")] = False,
    keep: KeepOption = False,
) -> ExitCode:
    """Run a stored failure again: FIXED or STILL FAILING. Without an id, list all.

    A failure that is FIXED is removed from the store.
    """
    from trackproof.report.terminal.replay import format_failures, format_replay
    from trackproof.suite.options import VerifyOptions
    from trackproof.verify.failure_store import find_failure, remove, stored_failures
    from trackproof.verify.replay import replay as replay_failure

    if failure is None and not every:
        Console().print(format_failures(stored_failures(failures)), soft_wrap=True)
        return ExitCode.HELD
    chosen = stored_failures(failures) if failure is None else [find_failure(failures, failure)]
    fixed = []
    for stored in chosen:
        options = VerifyOptions(
            fleet=stored.fleet if fleet is None else _absolute(fleet),
            conductor=conductor,
            version=conductor_version or stored.version,
            database=database or stored.database,
            keep=keep,
        )
        ended = replay_failure(stored, options, [_terminal()])
        Console().print(format_replay(ended), soft_wrap=True)
        fixed.append(ended.fixed)
        if ended.fixed and fleet is None:
            remove(failures, stored)
    return ExitCode.HELD if all(fixed) else ExitCode.CHECK_FAILED


def _absolute(fleet: str) -> str:
    """Return a profile's name, or the absolute path of its file."""
    return str(Path(fleet).resolve()) if Path(fleet).is_file() else fleet


def _terminal() -> Writer:
    """Return the terminal writer.

    It is bound to the present standard output, which is redirected while pytest runs.
    """
    from trackproof.report.terminal.verify import VerifyTerminal

    return VerifyTerminal(Console(file=sys.stdout))

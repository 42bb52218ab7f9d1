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
    QuietOption,
    VerboseOption,
    ends_cleanly,
    print_error,
    verbosity,
)
from trackproof.errors import ExitCode, UsageError
from trackproof.events.shards import Shard

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
    shard: Annotated[
        str,
        typer.Option(
            metavar="K/N",
            help="Judge the K-th of N parts of about equal work; `report --merge` joins them.",
        ),
    ] = "",
    exit_first: Annotated[
        bool, typer.Option("--exit-first", "-x", help="Stop after the first clause that fails.")
    ] = False,
    last_failed: Annotated[
        bool,
        typer.Option(
            "--last-failed", "--lf", help="Judge the clauses that failed last; all if none did."
        ),
    ] = False,
    keep: KeepOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    json_file: JsonOption = None,
    junit: JUnitOption = None,
    ndjson: NdjsonOption = None,
    html: HtmlOption = None,
) -> ExitCode:
    """Judge a fleet by its contracts, clause by clause."""
    from trackproof.report.writers import file_writers
    from trackproof.suite.options import VerifyOptions, comma_separated
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.verify.run_store import kept_writers
    from trackproof.verify.runner import verify as judge

    chosen = comma_separated(only)
    if last_failed:
        chosen = _last_failed(failures, _absolute(fleet), chosen)
    options = VerifyOptions(
        fleet=_absolute(fleet),
        only=chosen,
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        time_scale=time_scale,
        failures=failures.resolve(),
        floor=floor,
        shard=_shard(shard),
        exit_first=exit_first,
        keep=keep,
    )
    files = file_writers(json=json_file, junit=junit, ndjson=ndjson, html=html)
    terminal = _terminal(verbosity(quiet=quiet, verbose=verbose))
    kept = kept_writers("verify", Path(fleet).stem, print_error)
    ended = judge(options, [terminal, *kept, *files])
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


def _shard(text: str) -> Shard | None:
    try:
        return Shard.parse(text) if text else None
    except ValueError as error:
        raise UsageError(f"--shard: {error}", hint="--shard 1/3 is the first of three") from error


def _last_failed(failures: Path, fleet: str, only: tuple[str, ...]) -> tuple[str, ...]:
    """Return the clauses that failed last, of those that `only` names; else `only`."""
    from trackproof.suite.results import is_selected
    from trackproof.verify.last_failed import last_failed

    failed = tuple(name for name in last_failed(failures, fleet) if is_selected((name,), only))
    Console(stderr=True).print(
        f"{len(failed)} clauses failed last" if failed else "no clause failed last: all are judged"
    )
    return failed or only


def _absolute(fleet: str) -> str:
    """Return a profile's name, or the absolute path of its file."""
    return str(Path(fleet).resolve()) if Path(fleet).is_file() else fleet


def _terminal(verbosity: int = 0) -> Writer:
    """Return the terminal writer.

    It is bound to the present standard output, which is redirected while pytest runs.
    """
    from trackproof.report.terminal.verify import VerifyTerminal

    return VerifyTerminal(Console(file=sys.stdout), verbosity=verbosity)

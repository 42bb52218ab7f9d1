"""`trackproof report`: reports of kept runs, made again, merged or compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from trackproof.cli.common import JsonOption, ends_cleanly, print_error
from trackproof.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from trackproof.report.again import Reports

MERGE = "merge"
"""The first word of `report merge FILES`, the older spelling of `report --merge FILES`."""


@ends_cleanly
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Id of a kept run, a unique part of it, or `last`. With --merge: JSON reports of "
            "`verify --shard`, ids of kept runs, or folders with either.",
        ),
    ],
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge the reports of all shards into one verdict.")
    ] = False,
    against: Annotated[
        str | None, typer.Option(metavar="OLDER", help="Compare with this older kept run.")
    ] = None,
    audio: Annotated[bool, typer.Option("--audio", help="Embed the mixdown in the page.")] = False,
    json_file: JsonOption = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    ndjson: Annotated[Path | None, typer.Option(help="Write each event to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write a summary in Markdown; - is standard output.")
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write a trace for ui.perfetto.dev or chrome://tracing.")
    ] = None,
) -> ExitCode:
    """Write the reports of a kept run again; no server is needed.

    With --merge, exit code 2 if a shard is missing or ended early.
    """
    from trackproof.report.again import Reports

    reports = Reports(json_file, junit, ndjson, html, markdown, trace, audio=audio)
    if merge or (runs[0] == MERGE and len(runs) > 1):
        return _merge(runs if merge else runs[1:], reports)
    if len(runs) != 1:
        raise UsageError(
            f"{len(runs)} runs are given, one is reported", hint="--merge merges shards"
        )
    return _again(runs[0], against, reports)


def _again(name: str, against: str | None, reports: Reports) -> ExitCode:
    from trackproof.report.again import changes_between, write_again
    from trackproof.report.terminal.run import terminal_writer
    from trackproof.verify.run_store import RunStore

    store = RunStore.default()
    record = store.find(name)
    older = store.find(against) if against else None
    changes = changes_between(store, older, record) if older else None
    write_again(store, record, reports, changes)
    console = Console()
    if record.run is not None:
        terminal_writer(console, verbosity=-1).write(record.run)
    else:
        console.print(record.headline or record.verdict, markup=False, soft_wrap=True)
    for one in changes or ():
        console.print(
            f"{one.kind:<8} {one.what}: {one.older[:200]} → {one.newer[:200]}",
            markup=False,
            soft_wrap=True,
        )
    if changes == []:
        console.print("no step became slower by more than the noise, and no result changed")
    held = record.verdict in {"held", "held in part"}
    worse = any(one.kind == "broken" for one in changes or ())
    return ExitCode.HELD if held and not worse else ExitCode.CHECK_FAILED


def _merge(names: list[str], reports: Reports) -> ExitCode:
    from trackproof.events.verification import ClauseFinished
    from trackproof.report.again import saved_verifications
    from trackproof.report.terminal.verify import VerifyTerminal
    from trackproof.report.writers import file_writers
    from trackproof.verify.merge import merge as merge_reports

    if reports.markdown or reports.trace:
        raise UsageError("--markdown and --trace report one kept run, not a merge")
    files = file_writers(
        json=reports.json, junit=reports.junit, ndjson=reports.ndjson, html=reports.html
    )
    ended = merge_reports(saved_verifications(names))
    for writer in (VerifyTerminal(Console()), *files):
        for clause in ended.clauses:
            writer.write(ClauseFinished(clause))
        writer.write(ended)
    if ended.interrupted:
        print_error(f"incomplete: {ended.interrupted}")
        return ExitCode.ENVIRONMENT
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED

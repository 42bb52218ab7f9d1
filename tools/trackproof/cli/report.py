"""`trackproof report merge`: one verdict from the reports of all shards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import JsonOption, ends_cleanly, print_error
from trackproof.errors import ExitCode

report = typer.Typer(no_args_is_help=True, help="Works with reports of `verify`.")


@report.command()
@ends_cleanly
def merge(
    reports: Annotated[
        list[Path], typer.Argument(help="JSON reports of `verify --shard`, or their folders.")
    ],
    json_file: JsonOption = None,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file.")] = None,
    ndjson: Annotated[Path | None, typer.Option(help="Write each event to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page.")] = None,
) -> ExitCode:
    """Merge the reports of all shards into one verdict and its reports.

    Exit code 2 if a shard is missing or ended early.
    """
    from trackproof.events.verification import ClauseFinished
    from trackproof.report.saved import read_report, report_files
    from trackproof.report.terminal.verify import VerifyTerminal
    from trackproof.report.writers import file_writers
    from trackproof.verify.merge import merge as merge_reports

    files = file_writers(json=json_file, junit=junit, ndjson=ndjson, html=html)
    ended = merge_reports({str(path): read_report(path) for path in report_files(reports)})
    for writer in (VerifyTerminal(Console()), *files):
        for clause in ended.clauses:
            writer.write(ClauseFinished(clause))
        writer.write(ended)
    if ended.interrupted:
        print_error(ended.interrupted)
        return ExitCode.ENVIRONMENT
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED

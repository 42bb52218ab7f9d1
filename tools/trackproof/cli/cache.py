"""`trackproof cache …`: what a fleet remembers of outside services' answers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json
from trackproof.report.terminal.printable import one_line

cache = typer.Typer(no_args_is_help=True, help="Look into a fleet's cache, or empty it.")

DatabaseOption = Annotated[
    str, typer.Option("--database", envvar="DATABASE_URL", help="URL of the fleet's database.")
]


@cache.command(name="stats")
@ends_cleanly
def stats(database: DatabaseOption, json_file: JsonOption = None) -> ExitCode:
    """Say how many answers are remembered, of which task, and since when."""
    from trackproof.testbed.answer_cache import stats as read

    if json_file:
        check_writable(json_file)
    found = read(database)
    if json_file:
        write_json(json_file, [asdict(entry) for entry in found])
    if not found:
        typer.echo("nothing is remembered")
        return ExitCode.HELD
    table = Table("task", "answers", "bytes", "oldest", "newest", box=None)
    for entry in found:
        table.add_row(
            one_line(entry.task),
            str(entry.answers),
            str(entry.bytes),
            _moment(entry.oldest),
            _moment(entry.newest),
        )
    Console().print(table)
    return ExitCode.HELD


@cache.command(name="clear")
@ends_cleanly
def clear(database: DatabaseOption) -> ExitCode:
    """Forget every answer: the next run asks for all of them anew."""
    from trackproof.testbed.answer_cache import clear as forget

    typer.echo(f"{forget(database)} answers forgotten")
    return ExitCode.HELD


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

"""`trackproof cache`: show or clear a fleet's cache of outside services' answers."""

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

cache = typer.Typer(no_args_is_help=True, help="Show or clear a fleet's cache of answers.")

DatabaseOption = Annotated[
    str, typer.Option("--database", envvar="DATABASE_URL", help="URL of the fleet's database.")
]


@cache.command(name="stats")
@ends_cleanly
def stats(database: DatabaseOption, json_file: JsonOption = None) -> ExitCode:
    """Show the number, size and age of cached answers, by task."""
    from trackproof.testbed.answer_cache import stats as read

    if json_file:
        check_writable(json_file)
    entries = read(database)
    if json_file:
        write_json(json_file, [asdict(entry) for entry in entries])
    if not entries:
        typer.echo("the cache is empty")
        return ExitCode.HELD
    table = Table("task", "answers", "bytes", "oldest", "newest", box=None)
    for entry in entries:
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
    """Delete every cached answer; the next run requests all of them again."""
    from trackproof.testbed.answer_cache import clear as delete_answers

    typer.echo(f"{delete_answers(database)} answers deleted")
    return ExitCode.HELD


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")

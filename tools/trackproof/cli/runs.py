"""`trackproof runs`: the kept runs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json

runs = typer.Typer(
    no_args_is_help=True,
    help="Works with kept runs: `run`, `verify` and `rehearse` leave one each in .trackproof/runs.",
)

ID_WIDTH = 36
"""Columns of most ids, which a person copies whole."""

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a kept run, a unique part of it, or `last`.")
]


@runs.command(name="list")
@ends_cleanly
def list_runs(json_file: JsonOption = None) -> ExitCode:
    """List the kept runs, newest first."""
    from trackproof.report.terminal.printable import one_line
    from trackproof.verify.run_store import RunStore

    if json_file:
        check_writable(json_file)
    store = RunStore.default()
    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True, overflow="fold", min_width=ID_WIDTH)
    for name in ("verdict", "what", "MB"):
        table.add_column(name)
    rows = []
    for record in store.records():
        size = store.size(record.id)
        rows.append(
            {
                "id": record.id,
                "verb": record.verb,
                "verdict": record.verdict,
                "headline": record.headline,
                "began_at": record.began_at,
                "ended_at": record.ended_at,
                "fleet": record.fleet,
                "conductor": record.conductor,
                "scenario": record.scenario.name if record.scenario else None,
                "bytes": size,
            }
        )
        table.add_row(record.id, record.verdict, Text(one_line(record.title)), f"{size / 1e6:.1f}")
    Console().print(table if rows else f"no run is kept in {store.folder}")
    if json_file:
        write_json(json_file, rows)
    return ExitCode.HELD


@runs.command()
@ends_cleanly
def show(run: RunArgument, json_file: JsonOption = None) -> ExitCode:
    """Show a kept run: its verdict, its checks, and its files."""
    import json

    from trackproof.report.terminal.printable import one_line
    from trackproof.report.terminal.run import check_line
    from trackproof.verify.run_store import RunStore
    from trackproof.verify.run_store.record import RECORD
    from trackproof.verify.run_store.verdicts import read_verdicts

    if json_file:
        check_writable(json_file)
    store = RunStore.default()
    record = store.find(run)
    console = Console()
    facts = {
        "run": record.id,
        "what": record.title,
        "began": record.began_at,
        "fleet": record.fleet,
        "Conductor": record.conductor or "not started",
        "verdict": record.headline or record.verdict,
    }
    for name, value in facts.items():
        console.print(Text(f"{name:<10} {one_line(value)}"), soft_wrap=True)
    for check in record.run.checks if record.run else ():
        console.print(check_line(check), soft_wrap=True)
    for verdict in read_verdicts(store, record.id).values():
        text = f"{verdict.word:<5} {verdict.point}  {verdict.note}  {verdict.who}"
        console.print(Text(one_line(text)), soft_wrap=True)
    files = sorted(one.name for one in store.path(record.id).iterdir() if one.is_file())
    console.print(Text(f"files      {store.path(record.id)}: {', '.join(files)}"), soft_wrap=True)
    if json_file:
        write_json(json_file, json.loads(RECORD.dump_json(record)))
    return ExitCode.HELD


@runs.command()
@ends_cleanly
def rm(
    run: Annotated[list[str], typer.Argument(metavar="RUN", help="Ids of kept runs.")],
) -> ExitCode:
    """Remove kept runs."""
    from trackproof.verify.run_store import RunStore

    store = RunStore.default()
    for record in [store.find(name) for name in run]:
        store.remove(record.id)
        Console().print(f"removed {record.id}", soft_wrap=True)
    return ExitCode.HELD


@runs.command()
@ends_cleanly
def gc(
    keep_runs: Annotated[int, typer.Option(min=0, help="Number of runs to keep.")] = 100,
    days: Annotated[float, typer.Option(min=0, help="Age of the oldest run to keep.")] = 30.0,
    megabytes: Annotated[float, typer.Option(min=0, help="Size of all runs together.")] = 2000.0,
) -> ExitCode:
    """Remove the oldest runs beyond the limits, as every kept run does with the defaults."""
    from trackproof.verify.run_store import Limits, RunStore

    removed = RunStore.default().gc(Limits(keep_runs, days, megabytes))
    for run_id in removed:
        Console().print(f"removed {run_id}", soft_wrap=True)
    Console().print(f"{len(removed)} runs removed")
    return ExitCode.HELD

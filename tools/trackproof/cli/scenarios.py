"""`trackproof scenarios`: what can be run, and the format of a scenario's file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json


@ends_cleanly
def scenarios(
    tag: Annotated[
        list[str] | None, typer.Option(help="Only scenarios with this tag; repeatable.")
    ] = None,
    json_file: JsonOption = None,
    schema: Annotated[
        Path | None,
        typer.Option(help="Write the JSON Schema of a scenario's file; - is standard output."),
    ] = None,
) -> ExitCode:
    """List the scenarios that ship, and those in the folder `scenarios`.

    `trackproof run NAME` runs one; a file of your own needs no code.
    """
    from trackproof.report.terminal.printable import one_line
    from trackproof.scenarios import list_scenarios
    from trackproof.scenarios import schema as scenario_schema

    if schema:
        check_writable(schema)
        write_json(schema, scenario_schema())
        return ExitCode.HELD
    if json_file:
        check_writable(json_file)
    found = [one for one in list_scenarios() if set(tag or ()) <= set(one.tags)]
    table = Table("name", "tags", "what", box=None, pad_edge=False)
    for one in found:
        table.add_row(one.name, " ".join(one.tags), Text(one_line(one.title)))
    Console().print(table)
    if json_file:
        write_json(json_file, [one.model_dump(mode="json", exclude_none=True) for one in found])
    return ExitCode.HELD

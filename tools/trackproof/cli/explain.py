"""`trackproof explain`: the timeline of one run and the first cause of its failure."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import JsonOption, ServerOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError
from trackproof.report.output import check_writable, write_json

FILE_COLUMNS = 200
"""Width of the output in a file or a pipe."""


@ends_cleanly
def explain(
    workflow_id: Annotated[str, typer.Argument(help="The workflow id of the run.")],
    conductor: ServerOption,
    database: Annotated[
        str | None,
        typer.Option(envvar="DATABASE_URL", help="URL of the fleet's database, for the costs."),
    ] = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Show the timeline, attempts, costs and first cause of a finished or running run."""
    import time
    from http import HTTPStatus
    from urllib.parse import quote

    from trackproof.report.terminal.timeline import render_timeline
    from trackproof.runs.costs import read_costs
    from trackproof.runs.timeline import timeline_of
    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest

    if json_file:
        check_writable(json_file)
    with connect(conductor) as server, ConductorRest(server.api_url) as rest:
        try:
            workflow = rest.workflow(quote(workflow_id, safe=""))
        except ConductorRefusalError as error:
            # 400: Conductor rejects an id that no run can have before it looks the id up.
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
                raise
            raise UsageError(
                f"the Conductor at {server.api_url} has no run {workflow_id!r}",
                evidence=error.evidence if error.status == HTTPStatus.NOT_FOUND else "",
                hint="a server with in-memory storage loses its runs when it stops",
            ) from error
    costs = read_costs(database, workflow_id) if database else None
    timeline = timeline_of(workflow, costs, time.time())
    console = Console() if sys.stdout.isatty() else Console(width=FILE_COLUMNS)
    console.print(render_timeline(timeline, width=console.width))
    if json_file:
        write_json(json_file, asdict(timeline))
    return ExitCode.HELD

"""`trackproof explain`: the story of one run, and what went wrong first."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError
from trackproof.report.output import check_writable, write_json

FILE_COLUMNS = 200
"""Of what is written into a file or a pipe."""


@ends_cleanly
def explain(
    workflow_id: Annotated[str, typer.Argument(help="Id of the run, as Conductor names it.")],
    conductor: Annotated[
        str,
        typer.Option(envvar="CONDUCTOR_SERVER_URL", help="URL of the Conductor that has the run."),
    ],
    database: Annotated[
        str | None,
        typer.Option(envvar="DATABASE_URL", help="URL of the fleet's database, for the costs."),
    ] = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Tell a run that has ended, or one in flight: timeline, attempts, costs, first cause."""
    import time
    from http import HTTPStatus
    from urllib.parse import quote

    from trackproof.report.terminal.timeline import shown
    from trackproof.runs.costs import costs_of
    from trackproof.runs.timeline import tell_story
    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest

    if json_file:
        check_writable(json_file)
    with connect(conductor) as server, ConductorRest(server.api_url) as rest:
        try:
            workflow = rest.workflow(quote(workflow_id, safe=""))
        except ConductorRefusalError as error:
            # 400: a name that no run can have, refused before Conductor itself is asked.
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
                raise
            raise UsageError(
                f"the Conductor at {server.api_url} knows no run {workflow_id!r}",
                evidence=error.evidence if error.status == HTTPStatus.NOT_FOUND else "",
                hint="a server that keeps its runs in memory forgets them when it ends",
            ) from error
    costs = costs_of(database, workflow_id) if database else None
    story = tell_story(workflow, costs, time.time())
    console = Console() if sys.stdout.isatty() else Console(width=FILE_COLUMNS)
    console.print(shown(story, width=console.width))
    if json_file:
        write_json(json_file, asdict(story))
    return ExitCode.HELD

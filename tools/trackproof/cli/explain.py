"""`trackproof explain`: the timeline of one run and the first cause of its failure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import CONDUCTOR_VARIABLE, JsonOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError
from trackproof.events.timeline import Timeline
from trackproof.report.output import check_writable, write_json


@ends_cleanly
def explain(
    workflow_id: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="Id of a kept run, or the workflow id of one on a server that still runs.",
        ),
    ] = None,
    last: Annotated[
        bool,
        typer.Option("--last", help="The last `trackproof run`; a kept run needs no server."),
    ] = False,
    conductor: Annotated[
        str | None, typer.Option(envvar=CONDUCTOR_VARIABLE, help="URL of a running Conductor.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(envvar="DATABASE_URL", help="URL of the fleet's database, for the costs."),
    ] = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Show the timeline, attempts, costs and first cause of a finished or running run."""
    from trackproof.report.terminal.timeline import print_timeline

    if json_file:
        check_writable(json_file)
    console = Console()
    match workflow_id, last:
        case None, True:
            timeline = _kept_timeline(console, None)
        case str(), False if _is_kept(workflow_id):
            timeline = _kept_timeline(console, workflow_id)
        case str(), False:
            timeline = _timeline_on_server(workflow_id, conductor, database)
        case _:
            both = "both" if workflow_id else "neither"
            raise UsageError(
                f"explain takes either a run or --last, but got {both}",
                hint="`trackproof run` and `trackproof verify --keep` print workflow ids; --last "
                "is the last `trackproof run`",
            )
    print_timeline(console, timeline)
    if json_file:
        write_json(json_file, asdict(timeline))
    return ExitCode.HELD


def _is_kept(name: str) -> bool:
    from trackproof.verify.run_store import RunStore

    return any(name in run_id for run_id in RunStore.default().ids())


def _kept_timeline(console: Console, name: str | None) -> Timeline:
    from trackproof.report.terminal.printable import one_line
    from trackproof.verify.run_store import RunStore

    store = RunStore.default()
    record = store.latest("run") if name is None else store.find(name)
    if record.run is None or record.run.timeline is None:
        raise UsageError(
            f"run {record.id} has no timeline: {record.headline or record.verdict}",
            hint="`trackproof runs show` says what is kept of it",
        )
    parts = (f"fleet {record.fleet}", f"Conductor {record.conductor}", f"run {record.id}")
    console.print(Text("  ".join(map(one_line, parts)), style="dim"), soft_wrap=True)
    return record.run.timeline


def _timeline_on_server(workflow_id: str, conductor: str | None, database: str | None) -> Timeline:
    import time

    from trackproof.runs.costs import read_costs
    from trackproof.runs.timeline import timeline_of

    if conductor is None:
        raise UsageError(
            "explain needs the URL of the server that has the run",
            hint=f"give --conductor URL, or set {CONDUCTOR_VARIABLE}; --last shows the last "
            "`trackproof run` without a server",
        )
    workflow = _workflow(workflow_id, conductor)
    costs = read_costs(database, workflow_id) if database else None
    return timeline_of(workflow, costs, time.time())


def _workflow(workflow_id: str, conductor: str) -> dict[str, Any]:
    from http import HTTPStatus
    from urllib.parse import quote

    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.rest import ConductorRefusalError, ConductorRest

    with connect(conductor) as server, ConductorRest(server.api_url) as rest:
        try:
            return rest.workflow(quote(workflow_id, safe=""))
        except ConductorRefusalError as error:
            # 400: Conductor rejects an id that no run can have before it looks the id up.
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST}:
                raise
            raise UsageError(
                f"the Conductor at {server.api_url} has no run {workflow_id!r}",
                evidence=error.evidence if error.status == HTTPStatus.NOT_FOUND else "",
                hint="a server with in-memory storage loses its runs when it stops; "
                "`trackproof explain --last` shows the last `trackproof run` all the same",
            ) from error

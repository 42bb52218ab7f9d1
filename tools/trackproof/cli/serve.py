"""`trackproof serve`: the tester's web page."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    DatabaseOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode


@ends_cleanly
def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on loopback; 0 for any free one.")
    ] = 8765,
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
) -> ExitCode:
    """Serve the tester's web page on loopback until Ctrl-C.

    Scenarios to start, runs to watch, results to hear and judge; runs are kept in .trackproof/runs.
    """
    from trackproof.console.server import serve as serve_console
    from trackproof.console.warm_bench import Where
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice

    if database is not None:
        check_choice(database)
    where = Where(conductor, conductor_version or DEFAULT_VERSION, database)

    def ready(url: str) -> None:
        Console().print(f"the console is at {url} until Ctrl-C", soft_wrap=True)

    serve_console(where, port, ready)
    return ExitCode.HELD

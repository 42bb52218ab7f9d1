"""`trackproof verify`: hold a fleet against its contracts, clause by clause."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tools.cli.common import JsonOption, ends_cleanly
from tools.errors import ExitCode


@ends_cleanly
def verify(
    fleet: Annotated[
        str, typer.Option(help="The fleet's profile: a TOML file, or `reference`.")
    ] = "reference",
    only: Annotated[str, typer.Option(help="Task types or clause ids, by comma.")] = "",
    conductor: Annotated[
        str, typer.Option(help="auto, container, process, or the URL of a running server.")
    ] = "auto",
    conductor_version: Annotated[
        str | None, typer.Option(help="Version to start; `trackproof doctor` lists them.")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="Where the fleet keeps its state: sqlite or postgres.")
    ] = None,
    time_scale: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="What awaited time-outs are scaled by.")
    ] = 0.001,
    json_file: JsonOption = None,
) -> ExitCode:
    """Hold a fleet against its contracts, clause by clause."""
    from tools.report.json_file import JsonFile
    from tools.report.verify_terminal import VerifyTerminal
    from tools.testbed.conductor.versions import DEFAULT_VERSION
    from tools.verify.events import Writer
    from tools.verify.laboratory import VerifyOptions
    from tools.verify.verifying import verify as hold

    options = VerifyOptions(
        fleet=str(Path(fleet).resolve()) if Path(fleet).is_file() else fleet,
        only=tuple(name.strip() for name in only.split(",") if name.strip()),
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        time_scale=time_scale,
    )
    # Bound to the stream of now: pytest's own words go elsewhere while it runs.
    with closing(VerifyTerminal(Console(file=sys.stdout))) as screen:
        writers: list[Writer] = [screen, *([JsonFile(json_file)] if json_file else [])]
        ended = hold(options, writers)
    return ExitCode.HELD if ended.held else ExitCode.CHECK_FAILED

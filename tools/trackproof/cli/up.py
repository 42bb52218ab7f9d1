"""`trackproof up`: a whole testbed, for a fleet that somebody starts by hand."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    DatabaseOption,
    FleetOption,
    JsonOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode
from trackproof.report.output import (
    STANDARD_OUTPUT,
    check_writable,
    print_report,
    release_standard_output,
    write_json,
)


@ends_cleanly
def up(
    fleet: FleetOption = "reference",
    with_fleet: Annotated[
        bool, typer.Option("--with-fleet", help="Start the fleet too, as its profile says.")
    ] = False,
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Start Conductor, S3, the stand-ins and a database; run until Ctrl-C or SIGTERM.

    Prints `export` lines for a shell: the environment of the fleet's profile, and each variable of
    the testbed as TESTBED_…: source <(trackproof up).
    """
    from trackproof.fleet import load_profile
    from trackproof.report.terminal.printable import escape_controls
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice
    from trackproof.verify.hand_over import HandOverOptions, export_lines, handed_over
    from trackproof.wait import wait_for_interrupt

    if json_file:
        check_writable(json_file)
    if database is not None:
        check_choice(database)
    console = Console(stderr=True)

    def report(line: str) -> None:
        console.print(Text(escape_controls(line), style="dim"), soft_wrap=True)

    options = HandOverOptions(
        fleet=load_profile(fleet),
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        with_fleet=with_fleet,
    )
    with handed_over(options, report) as running:
        server = running.testbed.conductor
        if json_file:
            content = {
                "environment": running.environment,
                "conductor": {"backend": server.backend, "version": server.version},
                "fleet": options.fleet.name,
                "commands": list(running.commands),
                "pid": os.getpid(),
            }
            write_json(json_file, content)
        lines, odd = export_lines(running.environment)
        if odd:
            report(f"no shell can export {', '.join(odd)}: take them from --json FILE")
        if json_file != STANDARD_OUTPUT:
            print_report(lines)
        if running.commands:
            report("start the fleet in a shell with these variables:")
        for command in running.commands:
            report(f"  {command}")
        if running.fleet is not None:
            report(f"fleet {options.fleet.name} runs, with its log in {running.testbed.folder}")
        report(f"the testbed runs until Ctrl-C, or: kill {os.getpid()}")
        release_standard_output()
        wait_for_interrupt(running.check_alive)
    return ExitCode.HELD

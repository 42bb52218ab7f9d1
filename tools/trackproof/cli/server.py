"""`trackproof server`: a local Conductor, from pip alone."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.output import (
    check_writable,
    print_report,
    release_standard_output,
    write_json,
)


@ends_cleanly
def server(
    version: Annotated[
        str | None,
        typer.Option(
            "--version",
            "--conductor-version",
            help="Version to start; `trackproof doctor` lists them.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")
    ] = 0,
    json_file: JsonOption = None,
) -> ExitCode:
    """Start a local Conductor, print its URL and run until Ctrl-C or SIGTERM.

    Needs neither Docker nor an installed Java. Its state ends with it; two run side by side.
    """
    from trackproof.report.terminal.printable import one_line
    from trackproof.testbed.conductor import start_process
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION, conductor_version
    from trackproof.wait import wait_for_interrupt

    if json_file:
        check_writable(json_file)
    console = Console(stderr=True)

    def report(line: str) -> None:
        console.print(Text(one_line(line), style="dim"), soft_wrap=True)

    chosen = conductor_version(version or DEFAULT_VERSION).name
    report(f"starting Conductor {chosen}")
    with start_process(chosen, report=report, port=port) as running:
        if json_file:
            write_json(
                json_file,
                {
                    "api_url": running.api_url,
                    "url": running.base_url,
                    "version": running.version,
                    "pid": os.getpid(),
                },
            )
        if not json_file or str(json_file) != "-":
            print_report(f"{running.api_url}\n")
        report(f"Conductor {running.version} runs until Ctrl-C")
        release_standard_output()
        wait_for_interrupt(running.check_alive)
    return ExitCode.HELD

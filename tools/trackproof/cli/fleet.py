"""`trackproof fleet`: write a profile, and see whether a fleet can be judged by it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    DatabaseOption,
    JsonOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode, TrackproofError

fleet = typer.Typer(no_args_is_help=True, help="Profiles of fleets under test.")


@fleet.command()
@ends_cleanly
def new(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("fleet.toml"),
) -> ExitCode:
    """Write a profile with every key explained."""
    from trackproof.fleet.scaffold import write_new_profile

    write_new_profile(path)
    typer.echo(f"{path}: fill it in, then: trackproof fleet check {path}")
    return ExitCode.HELD


@fleet.command()
@ends_cleanly
def check(
    profile: Annotated[str, typer.Argument(help="The fleet's profile: a file, or `reference`.")],
    only: Annotated[str, typer.Option(help="Task types that it serves, by comma.")] = "",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Start a fleet and say what is missing before it can be judged."""
    from trackproof.fleet import load_profile
    from trackproof.report.output import check_writable, write_json
    from trackproof.report.terminal.printable import escape_controls, one_line
    from trackproof.suite.options import VerifyOptions, comma_separated
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.verify.fleet_check import check_fleet
    from trackproof.verify.runner import check_only

    wanted = comma_separated(only)
    check_only(wanted)
    if json_file:
        check_writable(json_file)
    options = VerifyOptions(
        fleet=profile,
        only=wanted,
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
    )
    console = Console()
    findings = []
    broken: TrackproofError | None = None

    def say(line: str, style: str) -> None:
        console.print(Text(escape_controls(line), style=style), soft_wrap=True)

    loaded = load_profile(profile)
    try:
        for finding in check_fleet(loaded, options, report=lambda line: say(line, "dim")):
            findings.append(finding)
            mark, style = ("✓", "green") if finding.good else ("✗" if finding.fatal else "!", "red")
            say(f"{mark} {finding.about:<12} {one_line(finding.text)}", style)
    except TrackproofError as error:
        broken = error
    if json_file:
        told = [asdict(finding) for finding in findings]
        why = broken.what if broken else None
        write_json(json_file, {"fleet": loaded.name, "findings": told, "error": why})
    if broken is not None:
        raise broken
    if any(finding.fatal for finding in findings):
        return ExitCode.ENVIRONMENT
    return ExitCode.HELD if all(one.good for one in findings) else ExitCode.CHECK_FAILED

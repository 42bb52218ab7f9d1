"""`trackproof fleet`: write a profile, or check a fleet against one."""

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

fleet = typer.Typer(no_args_is_help=True, help="Write and check profiles of fleets.")


@fleet.command()
@ends_cleanly
def new(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("fleet.toml"),
) -> ExitCode:
    """Write a new profile with a comment on every key."""
    from trackproof.fleet.scaffold import write_new_profile

    write_new_profile(path)
    typer.echo(f"{path}: fill it in, then: trackproof fleet check {path}")
    return ExitCode.HELD


@fleet.command()
@ends_cleanly
def check(
    profile: Annotated[str, typer.Argument(help="The fleet's profile: a file, or `reference`.")],
    only: Annotated[str, typer.Option(help="Task types it serves, separated by commas.")] = "",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Start a fleet and report what its profile or definitions lack."""
    from trackproof.fleet import load_profile
    from trackproof.report.output import check_writable, write_json
    from trackproof.report.terminal.printable import escape_controls, one_line
    from trackproof.suite.options import VerifyOptions, comma_separated
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.verify.fleet_check import check_fleet
    from trackproof.verify.runner import check_only

    task_types = comma_separated(only)
    check_only(task_types)
    if json_file:
        check_writable(json_file)
    options = VerifyOptions(
        fleet=profile,
        only=task_types,
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
    )
    console = Console()
    findings = []
    failure: TrackproofError | None = None

    def show(line: str, style: str) -> None:
        console.print(Text(escape_controls(line), style=style), soft_wrap=True)

    loaded = load_profile(profile)
    try:
        for finding in check_fleet(loaded, options, report=lambda line: show(line, "dim")):
            findings.append(finding)
            mark, style = ("✓", "green") if finding.good else ("✗" if finding.fatal else "!", "red")
            show(f"{mark} {finding.about:<12} {one_line(finding.text)}", style)
    except TrackproofError as error:
        failure = error
    if json_file:
        content = [asdict(finding) for finding in findings]
        error_text = failure.what if failure else None
        write_json(json_file, {"fleet": loaded.name, "findings": content, "error": error_text})
    if failure is not None:
        raise failure
    if any(finding.fatal for finding in findings):
        return ExitCode.ENVIRONMENT
    return ExitCode.HELD if all(one.good for one in findings) else ExitCode.CHECK_FAILED

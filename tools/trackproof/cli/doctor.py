"""`trackproof doctor`: examine this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json


@ends_cleanly
def doctor(
    json_file: JsonOption = None,
    jar: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Print only the path and SHA-256 of this version's jar, to cache it in CI.",
        ),
    ] = None,
) -> ExitCode:
    """Examine what this machine can run."""
    if jar is not None:
        return _print_jar(jar)
    from trackproof.doctor import as_json, can_run, examine

    if json_file:
        check_writable(json_file)
    console = Console()
    findings = []
    for finding in examine():
        findings.append(finding)
        mark, style = ("✓", "green") if finding.works else ("✗", "red")
        line = Text.assemble((f"{mark} ", style), (f"{finding.name:<20}", "bold"), finding.detail)
        console.print(line, soft_wrap=True)
    if json_file:
        write_json(json_file, as_json(findings))
    if can_run(findings):
        console.print("trackproof run works on this machine.")
        return ExitCode.HELD
    console.print("trackproof run does not work on this machine: fix the findings with ✗ above.")
    return ExitCode.ENVIRONMENT


def _print_jar(name: str) -> ExitCode:
    """Print `path=…` and `sha256=…`, the format of GitHub's and of shell variables."""
    from trackproof.testbed.conductor.process.jar import jar_path
    from trackproof.testbed.conductor.versions import conductor_version

    version = conductor_version(name)
    typer.echo(f"path={jar_path(version)}\nsha256={version.sha256}")
    return ExitCode.HELD

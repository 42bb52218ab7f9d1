"""`trackproof contracts freeze | diff | gate`: contracts over time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from trackproof.cli.common import JsonOption, RootOption, complain, ends_cleanly
from trackproof.contracts.compat import compare
from trackproof.contracts.load import ROOT
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json
from trackproof.report.terminal.printable import escape_controls


@ends_cleanly
def freeze(root: RootOption = ROOT) -> ExitCode:
    """Freeze the working contracts as a release; twice changes nothing."""
    from trackproof.contracts.compat import freeze as freeze_release

    path, is_new = freeze_release(root)
    typer.echo(f"wrote {path}" if is_new else f"{path} is this very contract already")
    return ExitCode.HELD


@ends_cleanly
def diff(
    old: Annotated[str, typer.Argument(help="A released version, a release file or a folder.")],
    new: Annotated[
        str | None, typer.Argument(help="The same; the working contracts if left out.")
    ] = None,
    root: RootOption = ROOT,
    json_file: JsonOption = None,
) -> ExitCode:
    """Say what changed between two contracts, and whom it breaks; 1 if it breaks consumers."""
    from trackproof.contracts.compat import named_release, working_release, worst

    if json_file:
        check_writable(json_file)
    before = named_release(old, root)
    after = working_release(root) if new is None else named_release(new, root)
    changes = compare(before, after)
    verdict = worst(changes)
    if json_file:
        found = [asdict(change) for change in changes]
        versions = {"old": before["version"], "new": after["version"]}
        write_json(json_file, {**versions, "verdict": verdict, "changes": found})
    for change in changes:
        # Contracts come from outside too: nothing in them may steer a terminal.
        typer.echo("\n".join(map(escape_controls, str(change).splitlines())))
    typer.echo(f"{before['version']} to {after['version']}: {verdict}; changes: {len(changes)}")
    return ExitCode.CHECK_FAILED if verdict == "breaking" else ExitCode.HELD


@ends_cleanly
def gate(root: RootOption = ROOT) -> ExitCode:
    """Fail if the working contracts break the newest release without a step of the version."""
    from trackproof.contracts.compat import check_release_gate

    findings = check_release_gate(root)
    for finding in findings:
        complain(str(finding))
    if findings:
        return ExitCode.CHECK_FAILED
    typer.echo("the working contracts stand beside the newest release")
    return ExitCode.HELD

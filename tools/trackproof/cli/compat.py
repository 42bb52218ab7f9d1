"""`trackproof contracts freeze | diff | gate`: releases of the contracts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from trackproof.cli.common import JsonOption, RootOption, ends_cleanly, print_error
from trackproof.contracts.compat import compare
from trackproof.contracts.load import ROOT
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json
from trackproof.report.terminal.printable import escape_controls


@ends_cleanly
def freeze(root: RootOption = ROOT) -> ExitCode:
    """Write the working contracts as a release; do nothing if it already exists."""
    from trackproof.contracts.compat import freeze as freeze_release

    path, is_new = freeze_release(root)
    typer.echo(f"wrote {path}" if is_new else f"{path} is up to date")
    return ExitCode.HELD


@ends_cleanly
def diff(
    old: Annotated[
        str, typer.Argument(help="A released version, a release file or a contracts folder.")
    ],
    new: Annotated[
        str | None, typer.Argument(help="Like OLD; default: the working contracts.")
    ] = None,
    root: RootOption = ROOT,
    json_file: JsonOption = None,
) -> ExitCode:
    """List the changes between two contracts and whom they break; exit code 1 if consumers."""
    from trackproof.contracts.compat import named_release, working_release, worst

    if json_file:
        check_writable(json_file)
    before = named_release(old, root)
    after = working_release(root) if new is None else named_release(new, root)
    changes = compare(before, after)
    verdict = worst(changes)
    if json_file:
        versions = {"old": before["version"], "new": after["version"]}
        listed = [asdict(change) for change in changes]
        write_json(json_file, {**versions, "verdict": verdict, "changes": listed})
    for change in changes:
        # Contract files are untrusted and may contain terminal control sequences.
        typer.echo("\n".join(map(escape_controls, str(change).splitlines())))
    typer.echo(f"{before['version']} to {after['version']}: {verdict}; changes: {len(changes)}")
    return ExitCode.CHECK_FAILED if verdict == "breaking" else ExitCode.HELD


@ends_cleanly
def gate(root: RootOption = ROOT) -> ExitCode:
    """Fail if the version is too low for the changes since the newest release."""
    from trackproof.contracts.compat import check_release_gate

    defects = check_release_gate(root)
    for defect in defects:
        print_error(str(defect))
    if defects:
        return ExitCode.CHECK_FAILED
    typer.echo("the version matches the changes since the newest release")
    return ExitCode.HELD

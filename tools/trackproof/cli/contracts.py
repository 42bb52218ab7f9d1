"""`trackproof contracts …`: check, list and render the contracts; releases: see compat."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trackproof.cli.common import JsonOption, RootOption, complain, ends_cleanly
from trackproof.cli.compat import diff, freeze, gate
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.errors import ExitCode
from trackproof.report.output import check_writable, write_json

contracts = typer.Typer(no_args_is_help=True, help="Check, compare, list and render the contracts.")

contracts.command(name="freeze")(freeze)
contracts.command(name="diff")(diff)
contracts.command(name="gate")(gate)


@contracts.command(name="check")
@ends_cleanly
def check(root: RootOption = ROOT, json_file: JsonOption = None) -> ExitCode:
    """Prove the wiring: everything named exists, fits and is used. Needs no server."""
    from trackproof.contracts.compat.release_document import working_version
    from trackproof.contracts.dataflow import absent_files, check_wiring
    from trackproof.contracts.traceability import check_tracing, load_criteria

    if json_file:
        check_writable(json_file)
    law = load_contracts(root)
    working_version(root)
    findings = [*check_wiring(law), *check_tracing(law, load_criteria(root))]
    if json_file:
        write_json(json_file, [asdict(finding) for finding in findings])
    for finding in findings:
        complain(str(finding))
    if absent := absent_files(law):
        hint = "put the file back, or correct the name that leads to it"
        complain("\n".join([*(f"{root / name} is not there" for name in absent), f"Hint: {hint}"]))
        return ExitCode.ENVIRONMENT
    if findings:
        return ExitCode.CHECK_FAILED
    typer.echo(f"{len(law.tasks)} tasks, {len(law.steps)} steps, {len(law.clauses)} clauses: sound")
    return ExitCode.HELD


@contracts.command(name="list")
@ends_cleanly
def list_clauses(
    root: RootOption = ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> ExitCode:
    """List every clause."""
    clauses = [
        {
            "task": clause.task,
            "clause": clause.id,
            "text": clause.text,
            "seed": clause.seed,
            "severity": clause.severity,
        }
        for clause in load_contracts(root).clauses
    ]
    if as_json:
        typer.echo(json.dumps(clauses, indent=2, ensure_ascii=False))
        return ExitCode.HELD
    table = Table("clause", "seed", "severity", "what must hold", box=None)
    for clause in clauses:
        table.add_row(clause["clause"], clause["seed"], clause["severity"], clause["text"])
    Console().print(table)
    return ExitCode.HELD


@contracts.command(name="docs")
@ends_cleanly
def docs(
    root: RootOption = ROOT,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("docs/contracts.md"),
    check_only: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if the page is stale.")
    ] = False,
) -> ExitCode:
    """Render the contracts as one Markdown page."""
    from trackproof.contracts.docs_page import render
    from trackproof.contracts.traceability import load_criteria

    page = render(load_contracts(root), load_criteria(root))
    if check_only:
        if out.exists() and out.read_text() == page:
            typer.echo(f"{out} is up to date")
            return ExitCode.HELD
        complain(f"{out} is stale\nHint: run `trackproof contracts docs` and commit the page")
        return ExitCode.CHECK_FAILED
    check_writable(out)
    out.write_text(page)
    typer.echo(f"wrote {out}")
    return ExitCode.HELD

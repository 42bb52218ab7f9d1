"""`trackproof contracts check | list | docs`; `compat.py` has the verbs for releases."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trackproof.cli.common import JsonOption, RootOption, ends_cleanly, print_error
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
    """Check references, types and time limits of all contracts, without a server."""
    from trackproof.contracts.compat.release_document import working_version
    from trackproof.contracts.dataflow import check_dataflow, missing_files
    from trackproof.contracts.traceability import check_traceability, load_criteria

    if json_file:
        check_writable(json_file)
    loaded = load_contracts(root)
    working_version(root)
    defects = [*check_dataflow(loaded), *check_traceability(loaded, load_criteria(root))]
    if json_file:
        write_json(json_file, [asdict(defect) for defect in defects])
    for defect in defects:
        print_error(str(defect))
    if missing := missing_files(loaded):
        hint = "restore the file or correct the reference to it"
        print_error(
            "\n".join([*(f"{root / name} is missing" for name in missing), f"Hint: {hint}"])
        )
        return ExitCode.ENVIRONMENT
    if defects:
        return ExitCode.CHECK_FAILED
    counts = f"{len(loaded.tasks)} tasks, {len(loaded.steps)} steps, {len(loaded.clauses)} clauses"
    typer.echo(f"{counts}: no defects")
    return ExitCode.HELD


@contracts.command(name="list")
@ends_cleanly
def list_clauses(
    root: RootOption = ROOT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> ExitCode:
    """List all clauses."""
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
    table = Table("clause", "seed", "severity", "requirement", box=None)
    for clause in clauses:
        table.add_row(clause["clause"], clause["seed"], clause["severity"], clause["text"])
    Console().print(table)
    return ExitCode.HELD


@contracts.command(name="docs")
@ends_cleanly
def docs(
    root: RootOption = ROOT,
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("docs/contracts.md"),
    check_only: Annotated[
        bool, typer.Option("--check", help="Only check that the file is up to date.")
    ] = False,
) -> ExitCode:
    """Render the contracts as one Markdown page."""
    from trackproof.contracts.docs_page import render
    from trackproof.contracts.traceability import load_criteria

    page = render(load_contracts(root), load_criteria(root))
    if check_only:
        if out.exists() and out.read_text("utf-8") == page:
            typer.echo(f"{out} is up to date")
            return ExitCode.HELD
        print_error(
            f"{out} is out of date\nHint: run `trackproof contracts docs` and commit the file"
        )
        return ExitCode.CHECK_FAILED
    check_writable(out)
    out.write_text(page, encoding="utf-8")
    typer.echo(f"wrote {out}")
    return ExitCode.HELD

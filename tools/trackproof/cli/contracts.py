"""`trackproof contracts check | list | docs`; `compat.py` has the verbs for releases."""

from __future__ import annotations

import difflib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trackproof.cli.common import JsonOption, RootOption, ends_cleanly, print_error
from trackproof.cli.compat import diff, freeze, gate
from trackproof.contracts.load import ROOT, load_contracts
from trackproof.contracts.parts import NOT_TASKS, PART_NAMES, Clause
from trackproof.errors import ExitCode, UsageError
from trackproof.report.output import STANDARD_OUTPUT, check_writable, write_json, write_text

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
    task: Annotated[str | None, typer.Option(help="Only the clauses of this task.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, or write it to the file that follows.")
    ] = False,
    json_file: Annotated[Path, typer.Argument(hidden=True)] = STANDARD_OUTPUT,
) -> ExitCode:
    """List all clauses, or those of one task."""
    loaded = load_contracts(root)
    if task is not None and task not in {*NOT_TASKS, *loaded.tasks}:
        raise UsageError(
            f"there is no task {task!r}",
            hint=f"tasks: pipeline, {', '.join((*PART_NAMES, *loaded.tasks))}",
        )
    clauses = [_as_json(clause) for clause in loaded.clauses if task in (None, clause.task)]
    if as_json:
        check_writable(json_file)
        write_json(json_file, clauses)
        return ExitCode.HELD
    if json_file != STANDARD_OUTPUT:
        raise UsageError(
            f"`contracts list` takes no argument, but got {str(json_file)!r}",
            hint="options are --task TASK and --json [FILE]",
        )
    for clause in clauses:  # no table: a narrow one would truncate ids
        typer.echo(f"{clause['clause']}  {clause['seed']}  {clause['severity']}")
        typer.echo(f"    {clause['text']}")
    return ExitCode.HELD


@contracts.command(name="show")
@ends_cleanly
def show(
    clause: Annotated[str, typer.Argument(help="The id of a clause: pad_track.offset.")],
    root: RootOption = ROOT,
) -> ExitCode:
    """Show one clause, with the command that judges it."""
    known = {one.id: one for one in load_contracts(root).clauses}
    if clause not in known:
        near = ", ".join(difflib.get_close_matches(clause, known, n=3))
        raise UsageError(
            f"there is no clause {clause!r}",
            hint=f"similar: {near}" if near else "`trackproof contracts list` shows all",
        )
    for name, value in _as_json(known[clause]).items():
        typer.echo(f"{name:<9} {value}")
    typer.echo(f"{'judge':<9} trackproof verify --only {clause}")
    return ExitCode.HELD


def _as_json(clause: Clause) -> dict[str, str]:
    return {
        "task": clause.task,
        "clause": clause.id,
        "text": clause.text,
        "seed": clause.seed,
        "severity": clause.severity,
    }


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
    write_text(out, page)
    typer.echo(f"wrote {out}")
    return ExitCode.HELD

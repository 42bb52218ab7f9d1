"""`trackproof rehearse`: a product's move to Conductor, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    DatabaseOption,
    FleetOption,
    HtmlOption,
    JsonOption,
    ends_cleanly,
)
from trackproof.errors import ExitCode

MAX_MEETINGS = 200
COLUMNS = ("in", "out", "lost", "doubled", "mismatched")


@ends_cleanly
def rehearse(
    meetings: Annotated[
        int,
        typer.Option(
            min=4, max=MAX_MEETINGS, help="Meetings, spread over the stages; the outage adds one."
        ),
    ] = 4,
    similarity: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least share of common words of texts by an LLM; without it they must be equal.",
        ),
    ] = None,
    limit: Annotated[
        float,
        typer.Option(min=1, help="Seconds within which the meetings of a stage must end."),
    ] = 120.0,
    fleet: FleetOption = "reference",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: DatabaseOption = None,
    json_file: JsonOption = None,
    html: HtmlOption = None,
) -> ExitCode:
    """Move a product from its legacy pipeline to Conductor, with an outage on the way.

    Stages: legacy, shadow, conductor with fallback, conductor only. Exit code 0 only if no meeting
    is lost, doubled or mismatched.
    """
    from trackproof.fleet import load_profile
    from trackproof.report.output import check_writable, write_json, write_text
    from trackproof.report.pages import render
    from trackproof.report.terminal.printable import escape_controls, one_line
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice
    from trackproof.verify.rehearsal import RehearsalOptions
    from trackproof.verify.rehearsal import rehearse as run_rehearsal
    from trackproof.verify.run_store import kept_writers

    paths: list[Path] = [path for path in (json_file, html) if path]
    for path in paths:
        check_writable(path)
    if database is not None:
        check_choice(database)
    console = Console()
    options = RehearsalOptions(
        meetings=meetings,
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        fleet=load_profile(fleet),
        similarity=similarity,
        limit=limit,
    )

    def report(line: str) -> None:
        console.print(Text(escape_controls(line), style="dim"), soft_wrap=True)

    kept = kept_writers("rehearse", options.fleet.name, report)
    result = run_rehearsal(options, report)
    for folder in kept:
        folder.end_rehearsal(result.as_json(), "held" if result.go else "failed", result.headline)
    table = Table("stage", box=None, pad_edge=False)
    for name in (*COLUMNS, "seconds"):
        table.add_column(name, justify="right")
    for stage in result.stages:
        numbers = [str(stage.counts[name]) for name in COLUMNS]
        style = "" if stage.passed else "red"
        table.add_row(stage.name, *numbers, f"{stage.seconds:.1f}", style=style)
    console.print(table)
    for stage in result.stages:
        problems = [(one.recording_id, text) for one in stage.meetings for text in one.problems]
        for subject, text in [*problems, *((stage.name, fault) for fault in stage.faults)]:
            line = one_line(f"✗ {stage.name}  {subject}  {text}")
            console.print(Text(line, style="red"), soft_wrap=True)
    verdict = f"{result.headline}, in {result.seconds:.1f} s"
    console.print(Text(verdict, style="bold green" if result.go else "bold red"))
    if json_file:
        write_json(json_file, result.as_json())
    if html:
        write_text(html, render("rehearsal.html.j2", rehearsal=result, columns=COLUMNS))
    return ExitCode.HELD if result.go else ExitCode.CHECK_FAILED

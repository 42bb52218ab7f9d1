"""`trackproof shadow compare`: what differs between a shadow run and the result that counts."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from trackproof.cli.common import CONDUCTOR_VARIABLE, FleetOption, JsonOption, ends_cleanly
from trackproof.errors import ExitCode

shadow = typer.Typer(no_args_is_help=True, help="Works with recordings that two pipelines process.")


@shadow.callback()
def _group() -> None:
    """Keep `compare` a command of its own."""


@shadow.command()
@ends_cleanly
def compare(
    recording_id: Annotated[str, typer.Argument(metavar="RECORDING", help="Id of the recording.")],
    database: Annotated[
        str, typer.Option(envvar="DATABASE_URL", help="URL of the fleet's database.")
    ],
    fleet: FleetOption = "reference",
    conductor: Annotated[
        str | None,
        typer.Option(
            envvar=CONDUCTOR_VARIABLE, help="URL of the workflow's server, for times of steps."
        ),
    ] = None,
    similarity: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least share of common words of texts by an LLM; without it they must be equal.",
        ),
    ] = None,
    json_file: JsonOption = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write one page.")] = None,
) -> ExitCode:
    """Compare a shadow run with the result that counts; exit code 1 if they differ."""
    from trackproof.fleet import load_profile
    from trackproof.report.output import check_writable, write_json, write_text
    from trackproof.report.pages import render
    from trackproof.report.terminal.printable import one_line
    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.rest import ConductorRest
    from trackproof.verify.shadow_comparison import compare_shadow_run

    for path in (json_file, html):
        if path:
            check_writable(path)
    with ExitStack() as stack:
        rest = None
        if conductor is not None:
            server = stack.enter_context(connect(conductor))
            rest = stack.enter_context(ConductorRest(server.api_url))
        comparison = compare_shadow_run(
            load_profile(fleet), recording_id, database, rest=rest, similarity=similarity
        )
    console = Console()
    for one in comparison.differences:
        line = f"✗ {one.field}  {one.detail}" if one.detail else f"✗ {one.field}"
        console.print(Text(one_line(line), style="red"), soft_wrap=True)
        for name, value in (("counting", one.left), ("shadow", one.right)):
            console.print(Text(f"    {name:<9} {one_line(repr(value))[:200]}"), soft_wrap=True)
    words = len(comparison.left.row.get("words") or [])
    topics = len(comparison.left.row.get("topics") or [])
    verdict = (
        f"EQUAL: {words} words, {topics} topics, title and summaries"
        if comparison.equal
        else f"DIFFERENT: {len(comparison.differences)} differences"
    )
    console.print(Text(verdict, style="bold green" if comparison.equal else "bold red"))
    if json_file:
        write_json(json_file, {"equal": comparison.equal, **asdict(comparison)})
    if html:
        write_text(html, render("shadow.html.j2", comparison=comparison, recording_id=recording_id))
    return ExitCode.HELD if comparison.equal else ExitCode.CHECK_FAILED

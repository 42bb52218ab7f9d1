"""`trackproof shadow compare`: what differs between a shadow run and the result that counts."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trackproof.cli.common import CONDUCTOR_VARIABLE, FleetOption, JsonOption, ends_cleanly
from trackproof.errors import ExitCode
from trackproof.report.terminal.printable import escape_controls

if TYPE_CHECKING:
    from trackproof.runs.comparison import Comparison

STYLES = {"EQUAL": "bold green", "EQUAL IN PART": "bold yellow", "DIFFERENT": "bold red"}

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
    audio: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Where mixdowns are, with {transcript_id}: s3://bucket/…, an HTTP URL or a path.",
        ),
    ] = None,
    partial: Annotated[
        bool,
        typer.Option(
            "--partial", help="Exit code 0 also if a part such as the audio was not compared."
        ),
    ] = False,
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
    """Compare a shadow run with the result that counts.

    Exit code 1 if they differ, or if a part was not compared (see --partial).
    """
    from trackproof.fleet import load_profile
    from trackproof.report.output import check_writable, write_json, write_text
    from trackproof.report.pages import render
    from trackproof.report.terminal.printable import one_line
    from trackproof.testbed.conductor.external_server import connect
    from trackproof.testbed.conductor.rest import ConductorRest
    from trackproof.verify.mixdowns import mixdown_reader
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
            load_profile(fleet),
            recording_id,
            database,
            rest=rest,
            audio=mixdown_reader(audio) if audio else None,
            similarity=similarity,
        )
    console = Console()
    for one in comparison.differences:
        line = f"✗ {one.field}  {one.detail}" if one.detail else f"✗ {one.field}"
        console.print(Text(one_line(line), style="red"), soft_wrap=True)
        for name, value in (("counting", one.left), ("shadow", one.right)):
            console.print(Text(f"    {name:<9} {one_line(repr(value))[:200]}"), soft_wrap=True)
    for text in comparison.not_compared:
        console.print(Text(f"? not compared: {one_line(text)}", style="yellow"), soft_wrap=True)
    if comparison.steps:
        _print_steps(console, comparison)
    console.print(Text(_verdict(comparison), style=STYLES[comparison.verdict]))
    if json_file:
        write_json(json_file, comparison.as_json())
    if html:
        write_text(html, render("shadow.html.j2", comparison=comparison, recording_id=recording_id))
    held = comparison.equal and (partial or not comparison.not_compared)
    return ExitCode.HELD if held else ExitCode.CHECK_FAILED


def _verdict(comparison: Comparison) -> str:
    if comparison.differences:
        return f"{comparison.verdict}: {len(comparison.differences)} differences"
    row = comparison.left.row
    words, topics = (len(row.get(name) or []) for name in ("words", "topics"))
    parts = [f"{words} words", f"{topics} topics", "title and summaries"]
    if comparison.left.audio is not None and comparison.right.audio is not None:
        parts.append("audio")
    return f"{comparison.verdict}: {', '.join(parts)}"


def _print_steps(console: Console, comparison: Comparison) -> None:
    table = Table("step", box=None, pad_edge=False)
    for side in (comparison.left, comparison.right):
        table.add_column(f"{side.name} s", justify="right")
    for name, left, right in comparison.steps:
        seconds = ("" if one is None else f"{one:.2f}" for one in (left, right))
        table.add_row(Text(escape_controls(name)), *seconds)
    console.print(table)

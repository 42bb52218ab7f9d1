"""`trackproof fixtures …`: meetings whose truth is known, as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trackproof.cli.common import JsonOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError
from trackproof.report.output import check_writable, write_json

fixtures = typer.Typer(no_args_is_help=True, help="Make meetings whose truth is known.")

SPOKEN = "spoken"


@fixtures.command(name="list")
@ends_cleanly
def list_(json_file: JsonOption = None) -> ExitCode:
    """Name the meetings there are, and what is special about each."""
    from fixtures_audio import GALLERY

    shown = [(name, entry.tracks, entry.what) for name, entry in GALLERY.items()]
    shown.append((SPOKEN, 3, "voices by espeak-ng in place of tones"))
    if json_file:
        check_writable(json_file)
        write_json(json_file, [{"name": n, "tracks": t, "what": w} for n, t, w in shown])
    table = Table("name", "tracks", "what", box=None)
    for name, tracks, what in shown:
        table.add_row(name, str(tracks), what)
    Console().print(table)
    return ExitCode.HELD


@fixtures.command(name="make")
@ends_cleanly
def make(
    name: Annotated[str, typer.Argument(help="One of `trackproof fixtures list`.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; it may be new.")],
    tracks: Annotated[
        int | None, typer.Option("--tracks", help="1 to 64; left out, as is usual for it.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides who says what.")] = 0,
) -> ExitCode:
    """Write a meeting: a WebM file for each track, and truth.json with all that is true of it."""
    from fixtures_audio import exhibit, render, truth_of, write_meeting
    from fixtures_audio.speech import is_installed, make_spoken, speak_aloud

    if name == SPOKEN and not is_installed():
        raise UsageError("espeak-ng is not installed", hint="apt-get install espeak-ng")
    try:
        meeting = (
            make_spoken(tracks=3 if tracks is None else tracks, seed=seed)
            if name == SPOKEN
            else exhibit(name, tracks=tracks, seed=seed)
        )
    except ValueError as error:
        raise UsageError(str(error), hint="see `trackproof fixtures list`") from error
    try:
        files = write_meeting(meeting, out, sound=speak_aloud if name == SPOKEN else render)
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be written ({error.strerror})", hint="choose another folder"
        ) from error
    write_json(out / "truth.json", {"name": name, **truth_of(meeting, files)})
    typer.echo(
        f"{len(files)} tracks, {meeting.duration:.3f} s, {len(meeting.truth())} words: {out}"
    )
    return ExitCode.HELD

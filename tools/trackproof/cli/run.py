"""`trackproof run`: one meeting through everything."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import ConductorOption, ConductorVersionOption, JsonOption, ends_cleanly
from trackproof.errors import ExitCode, UsageError

MIN_TRACKS, MAX_TRACKS = 1, 64


@ends_cleanly
def run(
    tracks: Annotated[
        int, typer.Option(help=f"How many participants: {MIN_TRACKS} to {MAX_TRACKS}.")
    ] = 3,
    seconds: Annotated[float, typer.Option(help="Length of the meeting.")] = 30.0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same meeting.")] = 0,
    deny_consent: Annotated[
        list[int] | None,
        typer.Option(help="Index of a track whose participant denies consent; repeatable."),
    ] = None,
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Where the fleet keeps its state: sqlite, postgres, or a URL. "
            "By default what TRACKPROOF_DATABASE says, else sqlite."
        ),
    ] = None,
    json_file: JsonOption = None,
) -> ExitCode:
    """Run one synthetic meeting through a real Conductor and judge the result."""
    denied = sorted(set(deny_consent or []))
    if not MIN_TRACKS <= tracks <= MAX_TRACKS:
        raise UsageError(
            f"--tracks {tracks} is out of range: a meeting has {MIN_TRACKS} to {MAX_TRACKS} tracks"
        )
    if any(not 0 <= index < tracks for index in denied):
        raise UsageError(
            f"--deny-consent {denied} names a track that is not there: 0 to {tracks - 1}"
        )
    return _run(tracks, seconds, seed, denied, conductor, conductor_version, database, json_file)


def _run(
    tracks: int,
    seconds: float,
    seed: int,
    denied: list[int],
    conductor: str,
    version: str | None,
    database: str | None,
    json_file: Path | None,
) -> ExitCode:
    from trackproof.report.json import JsonFile
    from trackproof.report.terminal.run import console_writer
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice
    from trackproof.verify.meeting_check import RunOptions, check_meeting

    if database is not None:
        check_choice(database)
    options = RunOptions(
        tracks=tracks,
        seconds=seconds,
        seed=seed,
        denied=denied,
        conductor=conductor,
        version=version or DEFAULT_VERSION,
        database=database,
    )
    with closing(console_writer(Console())) as screen:
        writers = [screen, *([JsonFile(json_file)] if json_file else [])]
        ended = check_meeting(options, writers)
    return ExitCode.HELD if ended.held else ExitCode.CHECK_FAILED

"""`trackproof run`: one meeting through the whole pipeline."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    JsonOption,
    QuietOption,
    VerboseOption,
    ends_cleanly,
    verbosity,
)
from trackproof.errors import ExitCode, UsageError

MIN_TRACKS, MAX_TRACKS = 1, 64
MAX_SECONDS = 14_400


@ends_cleanly
def run(
    tracks: Annotated[
        int, typer.Option(help=f"Number of participants, {MIN_TRACKS} to {MAX_TRACKS}.")
    ] = 3,
    seconds: Annotated[
        float, typer.Option(help=f"Duration of the meeting, at most {MAX_SECONDS}.")
    ] = 30.0,
    seed: Annotated[
        int, typer.Option(help="Seed of the meeting; the same seed makes the same meeting.")
    ] = 0,
    deny_consent: Annotated[
        list[int] | None,
        typer.Option(help="Index of a track whose participant denies consent; repeatable."),
    ] = None,
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Database of the fleet's state: sqlite, postgres, or a URL. "
            "Default: TRACKPROOF_DATABASE, else sqlite."
        ),
    ] = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    json_file: JsonOption = None,
) -> ExitCode:
    """Run one synthetic meeting through a real Conductor and judge the result."""
    denied = sorted(set(deny_consent or []))
    if not MIN_TRACKS <= tracks <= MAX_TRACKS:
        raise UsageError(
            f"--tracks {tracks} is out of range: a meeting has {MIN_TRACKS} to {MAX_TRACKS} tracks"
        )
    if seconds > MAX_SECONDS:
        raise UsageError(
            f"--seconds {seconds:g} is out of range: a meeting lasts at most "
            f"{MAX_SECONDS} s (4 hours)"
        )
    if any(not 0 <= index < tracks for index in denied):
        raise UsageError(f"--deny-consent {denied} is out of range: tracks are 0 to {tracks - 1}")
    lines = verbosity(quiet=quiet, verbose=verbose)
    return _run(
        tracks, seconds, seed, denied, conductor, conductor_version, database, json_file, lines
    )


def _run(
    tracks: int,
    seconds: float,
    seed: int,
    denied: list[int],
    conductor: str,
    version: str | None,
    database: str | None,
    json_file: Path | None,
    lines: int,
) -> ExitCode:
    from trackproof.report.json import JsonFile
    from trackproof.report.terminal.run import terminal_writer
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
    with closing(terminal_writer(Console(), verbosity=lines)) as terminal:
        writers = [terminal, *([JsonFile(json_file)] if json_file else [])]
        ended = check_meeting(options, writers)
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED

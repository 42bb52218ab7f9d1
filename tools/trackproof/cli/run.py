"""`trackproof run`: one meeting through the whole pipeline."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.console import Console

from trackproof.cli.common import (
    ConductorOption,
    ConductorVersionOption,
    FleetOption,
    HtmlOption,
    JsonOption,
    JUnitOption,
    KeepOption,
    NdjsonOption,
    ends_cleanly,
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
    fleet: FleetOption = "reference",
    conductor: ConductorOption = "auto",
    conductor_version: ConductorVersionOption = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="Database of the fleet's state: sqlite, postgres, or a URL. "
            "Default: TRACKPROOF_DATABASE, else sqlite."
        ),
    ] = None,
    keep: KeepOption = False,
    json_file: JsonOption = None,
    junit: JUnitOption = None,
    ndjson: NdjsonOption = None,
    html: HtmlOption = None,
) -> ExitCode:
    """Run one synthetic meeting through a real Conductor and judge the result."""
    from trackproof.fleet import load_profile
    from trackproof.report.terminal.run import terminal_writer
    from trackproof.report.writers import file_writers
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice
    from trackproof.verify.meeting_check import RunOptions, check_meeting

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
    if database is not None:
        check_choice(database)
    options = RunOptions(
        tracks=tracks,
        seconds=seconds,
        seed=seed,
        denied=denied,
        conductor=conductor,
        version=conductor_version or DEFAULT_VERSION,
        database=database,
        fleet=load_profile(fleet),
        keep=keep,
    )
    files = file_writers(json=json_file, junit=junit, ndjson=ndjson, html=html)
    with closing(terminal_writer(Console())) as terminal:
        ended = check_meeting(options, [terminal, *files])
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED

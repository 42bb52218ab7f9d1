"""`trackproof run`: one meeting, or a scenario, through the whole pipeline."""

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
    scenario: Annotated[
        str | None,
        typer.Argument(
            help="Name of a scenario (`trackproof scenarios`), or a file ending in .toml; "
            "a clean meeting by default."
        ),
    ] = None,
    tracks: Annotated[
        int | None,
        typer.Option(
            help=f"Number of participants, {MIN_TRACKS} to {MAX_TRACKS}.", show_default="3"
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help=f"Duration of the meeting, at most {MAX_SECONDS}.", show_default="30.0"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Seed of the meeting; the same seed makes the same meeting.", show_default="0"
        ),
    ] = None,
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
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    json_file: JsonOption = None,
    junit: JUnitOption = None,
    ndjson: NdjsonOption = None,
    html: HtmlOption = None,
) -> ExitCode:
    """Run a meeting or a scenario through a real Conductor and judge the result.

    Options override what the scenario says.
    """
    from trackproof.fleet import load_profile
    from trackproof.report.terminal.run import terminal_writer
    from trackproof.report.writers import file_writers
    from trackproof.scenarios import find_scenario
    from trackproof.testbed.conductor.versions import DEFAULT_VERSION
    from trackproof.testbed.database import check_choice
    from trackproof.verify.meeting_check import RunOptions, check_meeting

    chosen = find_scenario(scenario) if scenario else None
    meeting = chosen.meeting if chosen else None
    tracks = tracks if tracks is not None else meeting.tracks if meeting else 3
    seconds = seconds if seconds is not None else meeting.seconds if meeting else 30.0
    denied = sorted(set(deny_consent or (meeting.denied if meeting else ())))
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
    if database is not None:
        check_choice(database)
    wanted = chosen.conductor if chosen else None
    if wanted and wanted.durable and conductor == "auto":
        conductor = "durable"
    options = RunOptions(
        tracks=tracks,
        seconds=seconds,
        seed=seed if seed is not None else meeting.seed if meeting else 0,
        denied=denied,
        conductor=conductor,
        version=conductor_version or (wanted and wanted.version) or DEFAULT_VERSION,
        database=database,
        fleet=load_profile((chosen.fleet if chosen and fleet == "reference" else None) or fleet),
        keep=keep,
        scenario=chosen,
    )
    files = file_writers(json=json_file, junit=junit, ndjson=ndjson, html=html)
    with closing(terminal_writer(Console(), verbosity=lines)) as terminal:
        ended = check_meeting(options, [terminal, *files])
    return ExitCode.HELD if ended.passed else ExitCode.CHECK_FAILED

"""The command line: `trackproof`, or `python -m tools.cli`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec

import typer
from rich.console import Console

from contracts.load import load_contracts
from tools.errors import ExitCode, TrackproofError, UsageError
from tools.report.json_file import JsonFile
from tools.report.terminal import console_writer
from tools.testbed.conductor.existing import connect
from tools.testbed.conductor.registration import register
from tools.testbed.conductor.versions import DEFAULT_VERSION, VERSIONS
from tools.verify.pipeline import RunOptions, run_meeting

MIN_TRACKS, MAX_TRACKS = 1, 64
P = ParamSpec("P")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Proves that a fleet of Conductor workers turns a multitrack meeting into a correct "
    "transcript.",
)

ConductorOption = Annotated[
    str,
    typer.Option("--conductor", help="auto, container, process, or the URL of a running server."),
]
VersionOption = Annotated[
    str,
    typer.Option("--conductor-version", help=f"One of {', '.join(VERSIONS)}."),
]


def ends_cleanly(command: Callable[P, ExitCode]) -> Callable[P, None]:
    """Turn a command's result or error into its exit code; print errors for people."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs)
        except TrackproofError as error:
            Console(stderr=True).print(f"trackproof: {error}", markup=False, soft_wrap=True)
            code = error.exit_code
        raise typer.Exit(code)

    return wrapped


@app.command()
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
    conductor_version: VersionOption = DEFAULT_VERSION,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the verdict to this file.")
    ] = None,
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
    options = RunOptions(
        tracks=tracks,
        seconds=seconds,
        seed=seed,
        denied=denied,
        conductor=conductor,
        version=conductor_version,
    )
    with closing(console_writer(Console())) as screen:
        writers = [screen, *([JsonFile(json_file)] if json_file else [])]
        ended = run_meeting(options, writers)
    return ExitCode.HELD if ended.held else ExitCode.CHECK_FAILED


@app.command(name="register")
@ends_cleanly
def register_definitions(
    conductor: Annotated[str, typer.Option(help="URL of a running Conductor.")],
) -> ExitCode:
    """Register the task definitions and the workflow; doing it twice changes nothing."""
    contracts = load_contracts()
    with connect(conductor) as server:
        report = register(server.api_url, contracts.task_definitions(), contracts.workflow)
    typer.echo(str(report))
    return ExitCode.HELD


def main() -> NoReturn:
    """Run the command line; SIGTERM ends it as Ctrl-C does, with everything put away."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(app())


if __name__ == "__main__":
    main()

"""The command line: `trackproof`, or `python -m tools.cli`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec

import typer
from rich.console import Console
from rich.text import Text

from contracts.load import load_contracts
from tools.doctor import as_json, can_run, examine
from tools.errors import ExitCode, TrackproofError, UsageError
from tools.report.json_file import JsonFile, check_writable, write_json
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
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result to this file as JSON.")
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
    json_file: JsonOption = None,
) -> ExitCode:
    """Register the task definitions and the workflow; doing it twice changes nothing."""
    contracts = load_contracts()
    if json_file:
        check_writable(json_file)
    with connect(conductor) as server:
        report = register(server.api_url, contracts.task_definitions(), contracts.workflow)
    typer.echo(f"{server.api_url}: {report}")
    if json_file:
        write_json(json_file, asdict(report))
    return ExitCode.HELD


@app.command()
@ends_cleanly
def doctor(json_file: JsonOption = None) -> ExitCode:
    """Say what this machine can run, and why not."""
    if json_file:
        check_writable(json_file)
    console = Console()
    findings = []
    for finding in examine():
        findings.append(finding)
        mark, style = ("✓", "green") if finding.works else ("✗", "red")
        line = Text.assemble((f"{mark} ", style), (f"{finding.name:<20}", "bold"), finding.detail)
        console.print(line, soft_wrap=True)
    if json_file:
        write_json(json_file, as_json(findings))
    if can_run(findings):
        console.print("trackproof run works here.")
        return ExitCode.HELD
    console.print("trackproof run does not work here: mend what is marked ✗ above.")
    return ExitCode.ENVIRONMENT


def main() -> NoReturn:
    """Run the command line; SIGTERM ends it as Ctrl-C does, with everything put away."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(app())


if __name__ == "__main__":
    main()

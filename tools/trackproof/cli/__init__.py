"""The command line: `trackproof`, or `python -m trackproof`. One file a verb.

A verb imports what it needs when it runs, which keeps quick verbs quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from trackproof.cli.cache import cache
from trackproof.cli.common import print_error
from trackproof.cli.contracts import contracts
from trackproof.cli.doctor import doctor
from trackproof.cli.explain import explain
from trackproof.cli.fixtures import fixtures
from trackproof.cli.fleet import fleet
from trackproof.cli.interruption import INTERRUPTED, exit_at_once, handle_signals
from trackproof.cli.register import register
from trackproof.cli.rehearse import rehearse
from trackproof.cli.report import report
from trackproof.cli.run import run
from trackproof.cli.runs import runs
from trackproof.cli.scenarios import scenarios
from trackproof.cli.serve import serve
from trackproof.cli.server import server
from trackproof.cli.shadow import shadow
from trackproof.cli.up import up
from trackproof.cli.verify import replay, verify
from trackproof.contracts.load import ROOT
from trackproof.errors import TrackproofError
from trackproof.proxies import bypass_for_loopback
from trackproof.report.terminal.encoding import make_output_printable

app = typer.Typer(
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Proves that a fleet of Conductor workers turns a multitrack meeting into a correct "
    "transcript.",
)
app.command(name="run")(run)
app.command(name="scenarios")(scenarios)
app.command(name="verify")(verify)
app.command(name="rehearse")(rehearse)
app.command(name="replay")(replay)
app.command(name="register")(register)
app.command(name="explain")(explain)
app.command(name="report")(report)
app.command(name="serve")(serve)
app.command(name="server")(server)
app.command(name="up")(up)
app.command(name="doctor")(doctor)
app.add_typer(contracts, name="contracts")
app.add_typer(cache, name="cache")
app.add_typer(fixtures, name="fixtures")
app.add_typer(fleet, name="fleet")
app.add_typer(runs, name="runs")
app.add_typer(shadow, name="shadow")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from trackproof.contracts.compat.release_document import working_version

        typer.echo(f"trackproof {version('trackproof')}, contracts {working_version(ROOT)}")
        raise typer.Exit


def _folder() -> Path:
    """Return the current folder; the root if it has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the versions and exit."
        ),
    ] = False,
) -> None:
    """Take the options before the verb, and the defaults from settings."""
    from trackproof.cli.settings import defaults

    try:
        context.default_map = defaults(_folder())
    except TrackproofError as error:
        print_error(str(error))
        raise typer.Exit(error.exit_code) from None


def main() -> NoReturn:
    """Run the command line, whatever terminal, proxies and signals the shell gives it."""
    make_output_printable()
    bypass_for_loopback()
    handle_signals()
    try:
        app()
    except KeyboardInterrupt:
        exit_at_once()
    except SystemExit as end:
        if end.code in INTERRUPTED:
            exit_at_once()
        raise
    sys.exit()

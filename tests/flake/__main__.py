"""Repeat the suite: `python -m tests.flake --times 30 [what trackproof verify takes]`.

Each repeat is a `trackproof verify` of its own, with a server and a fleet of its own. Ends with 0
when every clause has the same status in all of them, with 1 when one has not, and with 2 when
even the first could not run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.flake.repeats import NOT_RUN, VERDICT, Repeat, differences, last_line
from trackproof.errors import ExitCode
from trackproof.testbed.conductor.versions import DEFAULT_VERSION

FOLDER = Path(".trackproof/flake")
"""Below the current folder; holds the last series only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite as often as asked for; return the exit code."""
    asked, options = _parser().parse_known_args(arguments)
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    repeats: list[Repeat] = []
    for number in range(1, asked.times + 1):
        repeats.append(_repeat(number, ["--conductor-version", asked.conductor_version, *options]))
        say(str(repeats[-1]))
        if repeats[0].statuses[VERDICT] == NOT_RUN:
            say(repeats[0].kept[VERDICT].read_text(encoding="utf-8"))
            return ExitCode.ENVIRONMENT
    found = differences(repeats)
    for one in found:
        say(str(one))
    say(last_line(repeats, found))
    return ExitCode.CHECK_FAILED if found else ExitCode.HELD


def _repeat(number: int, options: Sequence[str]) -> Repeat:
    named = FOLDER / f"repeat-{number:02}"
    report, output = named.with_suffix(".json"), named.with_suffix(".log")
    verify = (
        sys.executable,
        "-m",
        "trackproof",
        "verify",
        "--json",
        report,
        "--failures",
        named,
    )
    with output.open("wb") as file:
        done = subprocess.run(
            [*verify, *options], stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode not in {ExitCode.HELD, ExitCode.CHECK_FAILED}:
        return Repeat.not_run(number, output)
    return Repeat.of_report(number, json.loads(report.read_bytes()), named)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.flake", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--times", type=_times, default=30, help="how often")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    return parser


def _times(text: str) -> int:
    if (times := int(text)) < 2:
        raise argparse.ArgumentTypeError("two runs are the fewest that can differ")
    return times


if __name__ == "__main__":
    sys.exit(main())

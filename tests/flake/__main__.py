"""Repeat the suite: `python -m tests.flake --times 30 [--jobs 4] [options of trackproof verify]`.

Each repeat is a separate `trackproof verify` with its own server and fleet. With `--jobs` so many
run side by side: each keeps about one processor busy, so 4 are twice the load of a machine with 2.
Exits with 0 if every clause has the same status in all repeats, with 1 if one differs, and with 2
if the first repeat could not run.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console

from tests.flake.repeats import NOT_RUN, VERDICT, Repeat, differences, last_line
from trackproof.errors import ExitCode
from trackproof.testbed.conductor.versions import DEFAULT_VERSION

FOLDER = Path(".trackproof/flake")
"""Output of the last series, below the current folder."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Repeat the suite; return the exit code."""
    args, options = _parser().parse_known_args(arguments)
    write = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    given = ["--conductor-version", args.conductor_version, *options]
    repeats: list[Repeat] = []
    with ThreadPoolExecutor(args.jobs) as pool:
        for repeat in pool.map(partial(_repeat, options=given), range(1, args.times + 1)):
            repeats.append(repeat)
            write(str(repeat))
            if repeats[0].statuses[VERDICT] == NOT_RUN:
                pool.shutdown(cancel_futures=True)
                write(repeats[0].files[VERDICT].read_text(encoding="utf-8"))
                return ExitCode.ENVIRONMENT
    diffs = differences(repeats)
    for difference in diffs:
        write(str(difference))
    write(last_line(repeats, diffs))
    return ExitCode.CHECK_FAILED if diffs else ExitCode.HELD


def _repeat(number: int, options: Sequence[str]) -> Repeat:
    base = FOLDER / f"repeat-{number:02}"
    report, output = base.with_suffix(".json"), base.with_suffix(".log")
    verify = (
        sys.executable,
        "-m",
        "trackproof",
        "verify",
        "--json",
        report,
        "--failures",
        base,
    )
    with output.open("wb") as file:
        completed = subprocess.run(
            [*verify, *options], stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if completed.returncode not in {ExitCode.HELD, ExitCode.CHECK_FAILED}:
        return Repeat.not_run(number, output)
    return Repeat.of_report(number, json.loads(report.read_bytes()), base)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.flake", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--times", type=_times, default=30, help="number of repeats")
    parser.add_argument("--jobs", type=int, default=1, help="number that run side by side")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    return parser


def _times(text: str) -> int:
    if (times := int(text)) < 2:
        raise argparse.ArgumentTypeError("must be at least 2")
    return times


if __name__ == "__main__":
    sys.exit(main())

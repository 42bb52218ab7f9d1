"""Run the matrix of faults: `python -m tests.faults [--sample 25 --seed DAY] [--only TASK/FAULT]`.

Each job has one Conductor, one database and one fleet, and runs one meeting at a time, so that no
fault touches the meeting of another cell. Exits with 0 if no cell is WRONG and the laboratory had
no error, with 130 if it was interrupted; `--resume` goes on with the cells that are left.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.cells import all_cells, sample
from tests.faults.jobs import LaneOptions, run_in_jobs
from tests.faults.outcome import CellResult
from tests.faults.report import (
    FAILURES,
    MatrixEnded,
    line_of,
    read_results,
    verdict,
    write_html,
    write_json,
    write_page,
)
from trackproof.errors import TrackproofError
from trackproof.fleet import load_profile
from trackproof.lab import uses_redis
from trackproof.suite.options import comma_separated
from trackproof.testbed.conductor.versions import DEFAULT_VERSION

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
INTERRUPTED = 130
JOBS_A_CORE = 3
"""Most of a cell's time is waiting for time-outs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cells; return the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    names = comma_separated(args.only)
    profile = load_profile(args.fleet)
    cells = all_cells(redis=uses_redis(profile))
    if unknown := [name for name in names if not any(cell.is_chosen([name]) for cell in cells)]:
        parser.error(f"--only: no such cell: {', '.join(unknown)}; ids are TASK/PLACE.KIND.LASTING")
    if profile.attach or profile.ports.s3 or profile.ports.services:
        args.jobs = 1  # its ports are fixed
    chosen = [(number, cell) for number, cell in enumerate(cells) if cell.is_chosen(names)]
    if args.sample:
        picked = set(sample([cell for _, cell in chosen], args.sample, args.seed))
        chosen = [one for one in chosen if one[1] in picked]
    if args.list:
        sys.stdout.writelines(f"{cell.id}\n" for _, cell in chosen)
        return 0
    sys.stdout.write(f"{len(chosen)} of {len(cells)} cells, {args.jobs} jobs\n")
    kept = read_results(args.json) if args.resume and args.json else []
    order = {cell.id: number for number, cell in enumerate(cells)}
    results = [one for one in kept if one.outcome not in FAILURES and one.id in order]
    done = {result.id for result in results}
    start = time.monotonic()

    def matrix() -> MatrixEnded:
        return MatrixEnded(
            fleet=args.fleet,
            version=args.conductor_version,
            cells=tuple(sorted(results, key=lambda result: order[result.id])),
            total=len(cells),
            seconds=round(time.monotonic() - start, 1),
        )

    def keep(result: CellResult) -> None:
        results.append(result)
        sys.stdout.write(line_of(result) + "\n")
        sys.stdout.flush()
        if args.json:
            write_json(matrix(), args.json)

    left = [one for one in chosen if one[1].id not in done]
    options = LaneOptions(args.fleet, args.conductor_version, args.database)
    interrupted, lost = False, ""
    try:
        interrupted = run_in_jobs(options, args.jobs, left, keep)
    except TrackproofError as error:  # what was judged is reported all the same
        lost = str(error)
    ended = matrix()
    sys.stdout.write(verdict(ended))
    if args.html:
        write_html(ended, args.html)
    if args.page:
        write_page(ended, PAGE)
    if interrupted:
        kept_in = "--resume runs the others" if args.json else "--json FILE would have kept them"
        sys.stdout.write(f"interrupted after {len(results)} cells; {kept_in}\n")
        return INTERRUPTED
    if lost:
        sys.stderr.write(f"{lost}\n")
    return 0 if ended.passed and not lost else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--only", default="", help="tasks, TASK/PLACE, TASK/PLACE.KIND or cells, comma-separated"
    )
    parser.add_argument("--sample", type=int, default=0, help="number of cells of a spread sample")
    parser.add_argument("--seed", default="0", help="seed of the sample")
    parser.add_argument(
        "--jobs",
        type=int,
        default=JOBS_A_CORE * (os.cpu_count() or 1),
        help="number of testbeds side by side, of 1 GB each",
    )
    parser.add_argument("--fleet", default="reference", help="a fleet's profile")
    parser.add_argument("--database", default="postgres", help="as of `trackproof verify`")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    parser.add_argument("--json", type=Path, help="write every cell to this JSON file")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="keep the cells in the JSON file that passed, run the others",
    )
    parser.add_argument("--html", type=Path, help="write the table to this HTML file")
    parser.add_argument("--page", action="store_true", help="write docs/faults.md")
    parser.add_argument("--list", action="store_true", help="print the chosen cells only")
    return parser

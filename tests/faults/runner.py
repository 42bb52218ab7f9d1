"""Run the matrix of faults: `python -m tests.faults [--sample 25 --seed DAY] [--only TASK/FAULT]`.

Each job has one Conductor, one database and one fleet, and runs one meeting at a time, so that no
fault touches the meeting of another cell. Exits with 0 if no cell is WRONG and the laboratory had
no error.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

from tests.faults.cells import Cell, all_cells, sample
from tests.faults.lane import Lane, scaled
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
from trackproof.suite.options import comma_separated
from trackproof.testbed.conductor.versions import DEFAULT_VERSION

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
POLL_SECONDS = 0.5

Numbered = tuple[int, Cell]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cells; return the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    names = comma_separated(args.only)
    cells = all_cells()
    if unknown := [name for name in names if not any(cell.is_chosen([name]) for cell in cells)]:
        parser.error(f"--only: no such cell: {', '.join(unknown)}; ids are TASK/PLACE.KIND.LASTING")
    profile = load_profile(args.fleet)
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
    earlier = [result for result in kept if result.outcome not in FAILURES]
    done = {result.id for result in earlier}
    start = time.monotonic()

    def matrix(results: Sequence[CellResult]) -> MatrixEnded:
        order = {cell.id: number for number, cell in enumerate(cells)}
        return MatrixEnded(
            fleet=args.fleet,
            version=args.conductor_version,
            cells=tuple(sorted((*earlier, *results), key=lambda result: order[result.id])),
            total=len(cells),
            seconds=round(time.monotonic() - start, 1),
        )

    def keep(results: Sequence[CellResult]) -> None:
        if args.json:
            write_json(matrix(results), args.json)

    left = [one for one in chosen if one[1].id not in done]
    ended = matrix(_by_jobs(args, left, keep))
    sys.stdout.write(verdict(ended))
    if args.html:
        write_html(ended, args.html)
    if args.page:
        write_page(ended, PAGE)
    return 0 if ended.passed else 1


def _by_jobs(
    args: argparse.Namespace,
    chosen: Sequence[Numbered],
    keep: Callable[[Sequence[CellResult]], None],
) -> list[CellResult]:
    """Let jobs take the cells from one queue; `keep` gets the results after each."""
    process = get_context("spawn")
    work: Queue[Numbered | None] = process.Queue()
    done: Queue[CellResult] = process.Queue()
    jobs = [
        process.Process(target=_job, args=(args, work, done), daemon=True)
        for _ in range(min(args.jobs, len(chosen)))
    ]
    for one in (*chosen, *(None for _ in jobs)):
        work.put(one)
    for job in jobs:
        job.start()
    results: list[CellResult] = []
    while len(results) < len(chosen) and (any(job.is_alive() for job in jobs) or not done.empty()):
        with suppress(Empty):
            results.append(done.get(timeout=POLL_SECONDS))
            sys.stdout.write(line_of(results[-1]) + "\n")
            sys.stdout.flush()
            keep(results)
    for job in jobs:
        job.join()
    if len(results) < len(chosen):
        raise TrackproofError(
            f"only {len(results)} of {len(chosen)} cells have a result",
            hint="a job died; its error is printed above",
        )
    return results


def _job(args: argparse.Namespace, work: Queue[Numbered | None], done: Queue[CellResult]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that its servers end too
    profile = scaled(load_profile(args.fleet))
    with Lane.started(profile, version=args.conductor_version, database=args.database) as lane:
        while (one := work.get()) is not None:
            number, cell = one
            done.put(lane.run(cell, number))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument(
        "--only", default="", help="tasks, TASK/PLACE, TASK/PLACE.KIND or cells, comma-separated"
    )
    parser.add_argument("--sample", type=int, default=0, help="number of cells of a spread sample")
    parser.add_argument("--seed", default="0", help="seed of the sample")
    parser.add_argument("--jobs", type=int, default=3, help="number of testbeds side by side")
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

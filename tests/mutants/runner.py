"""Run mutants against the suite: `python -m tests.mutants [--sample 15 --seed DAY] [--only …]`.

Each job has one Conductor and one testbed for all its mutants. A mutant runs against the clauses
in its `killed_by`, or against all clauses of its task with `--wide`. Exits with 0 if every mutant
is killed by one of its clauses and, in a run of all mutants, every clause kills at least one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

from rich.console import Console
from rich.text import Text

from tests.mutants import MUTANTS, Mutant, mutant_by_id
from tests.mutants.report import MutantsHtmlFile, MutantsJsonFile, MutantsTerminal
from tests.mutants.results import (
    MutantEvent,
    MutantFinished,
    MutantResult,
    MutantsEnded,
    ineffective_clauses,
)
from trackproof.contracts.load import load_contracts
from trackproof.contracts.parts import PART_NAMES
from trackproof.errors import TrackproofError
from trackproof.events.stream import Note
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed
from trackproof.suite.options import VerifyOptions, comma_separated
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.verify.runner import verify_on

RESULTS = Path(".trackproof/mutants/generated.ndjson")
"""Results of generated faults, by default."""

POLL_SECONDS = 0.5
"""Interval between two checks whether the jobs are alive."""

TRIAL_SECONDS = 10.0
"""Time limit for a start or a fallback of a faulty product: most that fail never happen."""

Emit = Callable[[MutantEvent], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen mutants; return the exit code."""
    parser = _parser()
    args = parser.parse_args(arguments)
    if args.generated:
        return _run_generated(parser, args)
    known = {name for mutant in MUTANTS for name in (mutant.task, mutant.id)}
    if unknown := [name for name in comma_separated(args.only) if name not in known]:
        parser.error(f"--only: no such task or mutant: {', '.join(unknown)}; ids are TASK.MUTANT")
    chosen = _chosen(args)
    writers: list[MutantsTerminal | MutantsJsonFile | MutantsHtmlFile] = [
        MutantsTerminal(Console())
    ]
    if args.json:
        writers.append(MutantsJsonFile(args.json))
    if args.html:
        writers.append(MutantsHtmlFile(args.html))

    def emit(event: MutantEvent) -> None:
        for writer in writers:
            writer.write(event)

    start = time.monotonic()
    if args.sample:
        emit(Note(f"{len(chosen)} of {len(MUTANTS)} mutants, seed {args.seed}"))
    results = _by_jobs(args, chosen, emit) if args.jobs > 1 else _run(args, chosen, emit)
    clauses = [clause.id for clause in load_contracts().clauses]
    ended = MutantsEnded(
        mutants=tuple(results),
        ineffective=ineffective_clauses(results, clauses) if len(chosen) == len(MUTANTS) else (),
        sample=args.seed if args.sample else "",
        seconds=round(time.monotonic() - start, 1),
    )
    emit(ended)
    return 0 if ended.passed else 1


def _run_generated(parser: argparse.ArgumentParser, args: argparse.Namespace) -> int:
    from tests.mutants.generated.run import run_generated  # noqa: PLC0415 - slow to load
    from tests.mutants.generated.scope import reached_modules  # noqa: PLC0415 - slow to load

    modules = comma_separated(args.only)
    if unknown := [name for name in modules if name not in reached_modules()]:
        parser.error(f"--only: no module of scope.yaml: {', '.join(unknown)}")
    console = Console()
    return run_generated(args, modules, lambda line: console.print(Text(line), soft_wrap=True))


def _run(args: argparse.Namespace, chosen: Sequence[Mutant], emit: Emit) -> list[MutantResult]:
    results = []
    with Testbed.started(
        conductor=args.conductor,
        version=args.conductor_version,
        report=lambda line: emit(Note(line)),
    ) as testbed:
        for mutant in chosen:
            results.append(_result(testbed, mutant, wide=args.wide))
            emit(MutantFinished(results[-1]))
    return results


def _by_jobs(args: argparse.Namespace, chosen: Sequence[Mutant], emit: Emit) -> list[MutantResult]:
    """Distribute the mutants over processes, each with its own testbed."""
    process = get_context("spawn")
    events: Queue[MutantEvent] = process.Queue()
    shares = [[mutant.id for mutant in chosen[job :: args.jobs]] for job in range(args.jobs)]
    jobs = [process.Process(target=_job, args=(args, share, events)) for share in shares]
    for job in jobs:
        job.start()
    results: list[MutantResult] = []
    working = True
    while working or not events.empty():
        working = any(job.is_alive() for job in jobs)
        with suppress(Empty):
            event = events.get(timeout=POLL_SECONDS)
            emit(event)
            if isinstance(event, MutantFinished):
                results.append(event.result)
    if len(results) < len(chosen):
        raise TrackproofError(
            f"only {len(results)} of {len(chosen)} mutants have a result",
            hint="a job died; its error is printed above",
        )
    order = {mutant.id: number for number, mutant in enumerate(chosen)}
    return sorted(results, key=lambda result: order[result.id])


def _job(args: argparse.Namespace, ids: Sequence[str], events: Queue[MutantEvent]) -> None:
    _run(args, [mutant_by_id(name) for name in ids], events.put)


def _result(testbed: Testbed, mutant: Mutant, *, wide: bool) -> MutantResult:
    start = time.monotonic()
    _delete_definitions(testbed)
    options = VerifyOptions(
        fleet=mutant.id,
        only=_clauses(mutant) if wide else mutant.killed_by,
        repeat_failures=False,
    )
    failed: list[str] = []
    remark = ""
    try:
        ended = verify_on(testbed, faulty_fleet(mutant), options)
        clauses = [clause for task in ended.tasks for clause in task.clauses]
        failed = [clause.id for clause in clauses if clause.status == "failed"]
        remark = "; ".join(
            f"{clause.id}: {clause.observed}" for clause in clauses if clause.status == "error"
        )
    except TrackproofError as error:
        remark = error.what
    return MutantResult(
        id=mutant.id,
        task=mutant.task,
        text=mutant.text,
        killed_by=mutant.killed_by,
        failed=tuple(failed),
        remark=remark,
        seconds=round(time.monotonic() - start, 1),
    )


def _delete_definitions(testbed: Testbed) -> None:
    """Delete the definitions of earlier fleets: they would hide what this one fails to register."""
    contracts = load_contracts()
    for task in contracts.tasks:
        testbed.rest.delete_task_definition(task)
    for version in (1, 2):
        testbed.rest.delete_workflow_definition(contracts.workflow["name"], version)


def faulty_fleet(mutant: Mutant) -> FleetProfile:
    """Return the reference fleet with the mutant's bug in its launcher."""
    launch = (sys.executable, "-m", "tests.mutants.launch", mutant.id)
    if mutant.task == "pipeline":  # its bug may be in both
        command = (*launch, "reference_workers")
        register_command = (*launch, "reference_workers.platform.register")
        return replace(
            REFERENCE, name=mutant.id, command=command, register_command=register_command
        )
    if mutant.task in PART_NAMES:
        return _faulty_product(mutant, launch)
    if breaks_definitions(mutant):
        command = (*launch, "reference_workers.platform.register")
        return replace(REFERENCE, name=mutant.id, register_command=command)
    # The testbed registers the correct definitions faster than the fleet would.
    command = (*launch, "reference_workers")
    return replace(REFERENCE, name=mutant.id, command=command, register_command=())


def _faulty_product(mutant: Mutant, launch: tuple[str, ...]) -> FleetProfile:
    """Return the reference product with the mutant's bug in all of its processes."""
    trigger = REFERENCE.trigger
    assert trigger is not None
    python, dash_m = sys.executable, "-m"
    faulty = replace(
        trigger,
        command=(*launch, *_after(trigger.command, python, dash_m)),
        legacy_command=(*launch, *_after(trigger.legacy_command, python, dash_m)),
        seconds=TRIAL_SECONDS,
    )
    command = (*launch, "reference_workers")
    return replace(REFERENCE, name=mutant.id, command=command, register_command=(), trigger=faulty)


def _after(command: Sequence[str], *start: str) -> tuple[str, ...]:
    assert tuple(command[: len(start)]) == start
    return tuple(command[len(start) :])


def breaks_definitions(mutant: Mutant) -> bool:
    """Return whether the bug is in a registered definition, not in a worker."""
    return any(clause.endswith(".definition") for clause in mutant.killed_by)


def _clauses(mutant: Mutant) -> tuple[str, ...]:
    """Return the clauses for `--wide`: definition clauses only for mutants that register."""
    return tuple(
        clause.id
        for clause in load_contracts().clauses
        if clause.task == mutant.task
        and clause.id.endswith(".definition") == breaks_definitions(mutant)
    )


def _chosen(args: argparse.Namespace) -> list[Mutant]:
    only = comma_separated(args.only)
    chosen = [m for m in MUTANTS if not only or m.task in only or m.id in only]
    if args.sample and args.sample < len(chosen):
        picked = set(random.Random(args.seed).sample(range(len(chosen)), args.sample))
        chosen = [mutant for index, mutant in enumerate(chosen) if index in picked]
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--only",
        default="",
        help="task types or mutant ids, comma-separated; with --generated, modules of scope.yaml",
    )
    parser.add_argument("--sample", type=int, default=0, help="number of randomly chosen mutants")
    parser.add_argument("--seed", default="0", help="seed of the sample")
    parser.add_argument(
        "--generated", type=int, default=0, help="number of faults derived from the fleet's code"
    )
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="results of generated faults, to continue"
    )
    parser.add_argument("--again", action="store_true", help="judge generated survivors again")
    parser.add_argument(
        "--minutes", type=float, default=0, help="start no generated fault after these minutes"
    )
    parser.add_argument("--jobs", type=int, default=1, help="number of parallel jobs")
    parser.add_argument("--wide", action="store_true", help="run all clauses of a mutant's task")
    parser.add_argument("--conductor", default="process")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    parser.add_argument(
        "--json", type=Path, help="write the table mutant × clause to this JSON file"
    )
    parser.add_argument("--html", type=Path, help="write the table to this HTML file")
    return parser

"""Run mutants against the suite: `python -m tests.mutants [--sample 15 --seed DAY] [--only …]`.

One Conductor and one testbed for all, or for each of `--jobs`; for each mutant its fleet and the
clauses that it names, or with `--wide` all clauses of its task. Ends with 0 when every mutant is
killed by a clause it names and, in a run of all of them, every clause has killed one.
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

from tests.mutants import MUTANTS, Mutant, mutant_by_id
from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError
from trackproof.events.mutants import MutantFinished, MutantResult, MutantsEnded, toothless
from trackproof.events.stream import Event, Note
from trackproof.fleet import REFERENCE, FleetProfile
from trackproof.lab import Testbed
from trackproof.report.files import file_writers
from trackproof.report.terminal.mutants import MutantsTerminal
from trackproof.suite.options import VerifyOptions, comma_separated
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.verify.runner import verify_on

LOOK_SECONDS = 0.5
"""Between two looks whether the jobs are still alive."""

Tell = Callable[[Event], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    known = {name for mutant in MUTANTS for name in (mutant.task, mutant.id)}
    if unknown := [name for name in comma_separated(asked.only) if name not in known]:
        parser.error(f"--only names what there is not: {', '.join(unknown)}; ids are TASK.MUTANT")
    chosen = _chosen(asked)
    writers = [MutantsTerminal(Console()), *file_writers(json=asked.json, html=asked.html)]

    def tell(event: Event) -> None:
        for writer in writers:
            writer.write(event)

    began = time.monotonic()
    if asked.sample:
        tell(Note(f"{len(chosen)} of {len(MUTANTS)} mutants, seed {asked.seed}"))
    results = _by_jobs(asked, chosen, tell) if asked.jobs > 1 else _run(asked, chosen, tell)
    clauses = [clause.id for clause in load_contracts().clauses]
    ended = MutantsEnded(
        mutants=tuple(results),
        toothless=toothless(results, clauses) if len(chosen) == len(MUTANTS) else (),
        sample=asked.seed if asked.sample else "",
        seconds=round(time.monotonic() - began, 1),
    )
    tell(ended)
    return 0 if ended.held else 1


def _run(asked: argparse.Namespace, chosen: Sequence[Mutant], tell: Tell) -> list[MutantResult]:
    results = []
    with Testbed.started(
        conductor=asked.conductor,
        version=asked.conductor_version,
        report=lambda line: tell(Note(line)),
    ) as testbed:
        for mutant in chosen:
            results.append(_result(testbed, mutant, wide=asked.wide))
            tell(MutantFinished(results[-1]))
    return results


def _by_jobs(asked: argparse.Namespace, chosen: Sequence[Mutant], tell: Tell) -> list[MutantResult]:
    """Deal the mutants out to processes, each with a testbed of its own."""
    process = get_context("spawn")
    told: Queue[Event] = process.Queue()
    hands = [[mutant.id for mutant in chosen[job :: asked.jobs]] for job in range(asked.jobs)]
    jobs = [process.Process(target=_job, args=(asked, hand, told)) for hand in hands]
    for job in jobs:
        job.start()
    results: list[MutantResult] = []
    working = True
    while working or not told.empty():
        working = any(job.is_alive() for job in jobs)
        with suppress(Empty):
            event = told.get(timeout=LOOK_SECONDS)
            tell(event)
            if isinstance(event, MutantFinished):
                results.append(event.result)
    if len(results) < len(chosen):
        raise TrackproofError(
            f"{len(results)} of {len(chosen)} mutants were judged",
            hint="what a job died of is told above",
        )
    place = {mutant.id: number for number, mutant in enumerate(chosen)}
    return sorted(results, key=lambda result: place[result.id])


def _job(asked: argparse.Namespace, hand: Sequence[str], told: Queue[Event]) -> None:
    _run(asked, [mutant_by_id(name) for name in hand], told.put)


def _result(testbed: Testbed, mutant: Mutant, *, wide: bool) -> MutantResult:
    began = time.monotonic()
    _forget_definitions(testbed)
    options = VerifyOptions(fleet=mutant.id, only=_clauses(mutant) if wide else mutant.killed_by)
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
        seconds=round(time.monotonic() - began, 1),
    )


def _forget_definitions(testbed: Testbed) -> None:
    """Take back what fleets before have registered: it would hide what this one has not."""
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
    if breaks_definitions(mutant):
        command = (*launch, "reference_workers.platform.register")
        return replace(REFERENCE, name=mutant.id, register_command=command)
    # The laboratory registers the right definitions in no time: they are there already.
    command = (*launch, "reference_workers")
    return replace(REFERENCE, name=mutant.id, command=command, register_command=())


def breaks_definitions(mutant: Mutant) -> bool:
    """Tell whether the bug is in what is registered, and not in a worker."""
    return any(clause.endswith(".definition") for clause in mutant.killed_by)


def _clauses(mutant: Mutant) -> tuple[str, ...]:
    """Return the clauses to run: definitions can only break where they are registered."""
    return tuple(
        clause.id
        for clause in load_contracts().clauses
        if clause.task == mutant.task
        and clause.id.endswith(".definition") == breaks_definitions(mutant)
    )


def _chosen(asked: argparse.Namespace) -> list[Mutant]:
    only = comma_separated(asked.only)
    found = [m for m in MUTANTS if not only or m.task in only or m.id in only]
    if asked.sample and asked.sample < len(found):
        picked = set(random.Random(asked.seed).sample(range(len(found)), asked.sample))
        found = [mutant for place, mutant in enumerate(found) if place in picked]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="task types or mutants' ids, by comma")
    parser.add_argument("--sample", type=int, default=0, help="so many of them, by chance")
    parser.add_argument("--seed", default="0", help="the same seed picks the same sample")
    parser.add_argument("--jobs", type=int, default=1, help="so many at once")
    parser.add_argument("--wide", action="store_true", help="run all clauses of a mutant's task")
    parser.add_argument("--conductor", default="process")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    parser.add_argument("--json", type=Path, help="write the table mutant × clause here")
    parser.add_argument("--html", type=Path, help="write the table as a page here")
    return parser

"""Run mutants against the suite: `python -m tests.mutants [--sample 15 --seed DAY] [--only …]`.

One Conductor and one testbed for all; for each mutant its fleet and the clauses of its task.
Ends with 0 when every mutant is killed by the clauses it names and, in a run of all of them,
every clause has killed one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from contracts.load import load_contracts
from tests.mutants import MUTANTS, Mutant
from tools.errors import TrackproofError
from tools.testbed.conductor.versions import DEFAULT_VERSION
from tools.testbed.fleet import REFERENCE, FleetProfile
from tools.testbed.testbed import Testbed
from tools.verify.events import Event, MutantFinished, MutantsEnded, Note
from tools.verify.laboratory import VerifyOptions
from tools.verify.mutation import MutantResult, toothless
from tools.verify.reports import file_writers
from tools.verify.reports.mutants_terminal import MutantsTerminal
from tools.verify.verifying import verify_within


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; return the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = _chosen(asked)
    writers = [MutantsTerminal(Console()), *file_writers(json=asked.json, html=asked.html)]

    def tell(event: Event) -> None:
        for writer in writers:
            writer.write(event)

    began = time.monotonic()
    results: list[MutantResult] = []
    with Testbed.started(
        conductor=asked.conductor,
        version=asked.conductor_version,
        report=lambda line: tell(Note(line)),
    ) as testbed:
        for mutant in chosen:
            results.append(_result(testbed, mutant))
            tell(MutantFinished(results[-1]))
    clauses = [clause.id for clause in load_contracts().clauses]
    ended = MutantsEnded(
        mutants=tuple(results),
        toothless=toothless(results, clauses) if len(chosen) == len(MUTANTS) else (),
        sample=asked.seed if asked.sample else "",
        seconds=round(time.monotonic() - began, 1),
    )
    tell(ended)
    return 0 if ended.held else 1


def _result(testbed: Testbed, mutant: Mutant) -> MutantResult:
    began = time.monotonic()
    # What an earlier fleet has registered would hide what this one has not.
    testbed.rest.forget_definitions()
    options = VerifyOptions(fleet=mutant.id, only=_clauses(mutant))
    failed: list[str] = []
    remark = ""
    try:
        ended = verify_within(testbed, faulty_fleet(mutant), options)
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


def faulty_fleet(mutant: Mutant) -> FleetProfile:
    """Return the reference fleet with the mutant's bug in its launcher."""
    launch = (sys.executable, "-m", "tests.mutants.launch", mutant.id)
    if mutant.task == "pipeline":  # its bug may be in both
        command = (*launch, "reference_workers")
        register_command = (*launch, "reference_workers.register")
        return replace(
            REFERENCE, name=mutant.id, command=command, register_command=register_command
        )
    if breaks_definitions(mutant):
        command = (*launch, "reference_workers.register")
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
    only = [name for name in asked.only.split(",") if name]
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
    parser.add_argument("--conductor", default="process")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    parser.add_argument("--json", type=Path, help="write the table mutant × clause here")
    parser.add_argument("--html", type=Path, help="write the table as a page here")
    return parser


if __name__ == "__main__":
    sys.exit(main())

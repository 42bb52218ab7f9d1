"""Run mutants against the suite: `python -m tests.mutants [--sample 15 --seed DAY] [--only …]`.

One Conductor and one testbed for all; for each mutant its fleet and the clauses of its task.
Ends with 0 when every mutant is killed by the clauses it names and, in a run of all of them,
every clause has killed one.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from contracts.load import load_contracts
from tests.mutants import MUTANTS, Mutant
from tools.errors import TrackproofError
from tools.testbed.conductor.versions import DEFAULT_VERSION
from tools.testbed.fleet import REFERENCE, FleetProfile
from tools.testbed.testbed import Testbed
from tools.verify.laboratory import VerifyOptions
from tools.verify.verifying import verify_within


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for, a line a mutant; return the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = _chosen(asked)
    rows: list[dict[str, Any]] = []
    with Testbed.started(
        conductor=asked.conductor, version=asked.conductor_version, report=_say
    ) as testbed:
        for mutant in chosen:
            rows.append(_row(testbed, mutant))
            _say(_line(rows[-1]))
    complete = len(chosen) == len(MUTANTS)
    toothless = _toothless(rows) if complete else []
    if asked.json:
        told = {"mutants": rows, "clauses_that_killed_none": toothless}
        asked.json.write_text(json.dumps(told, indent=2) + "\n")
    alive = [row["id"] for row in rows if not row["killed"]]
    _say(f"{len(rows) - len(alive)} of {len(rows)} mutants killed")
    for name in alive:
        _say(f"STILL ALIVE: {name}")
    for name in toothless:
        _say(f"KILLS NOBODY: {name}")
    return 1 if alive or toothless else 0


def _row(testbed: Testbed, mutant: Mutant) -> dict[str, Any]:
    began = time.monotonic()
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
    return {
        "id": mutant.id,
        "task": mutant.task,
        "text": mutant.text,
        "killed_by": list(mutant.killed_by),
        "failed": failed,
        # A suite that breaks by itself kills nobody.
        "killed": bool(set(mutant.killed_by) & set(failed)) and not remark,
        "remark": remark,
        "seconds": round(time.monotonic() - began, 1),
    }


def faulty_fleet(mutant: Mutant) -> FleetProfile:
    """Return the reference fleet with the mutant's bug in its launcher."""
    launch = (sys.executable, "-m", "tests.mutants.launch", mutant.id)
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


def _toothless(rows: Sequence[dict[str, Any]]) -> list[str]:
    killing = {name for row in rows if row["killed"] for name in row["failed"]}
    return [clause.id for clause in load_contracts().clauses if clause.id not in killing]


def _line(row: dict[str, Any]) -> str:
    mark = "✓" if row["killed"] else "✗"
    by = row["remark"] or ", ".join(row["failed"]) or "nothing"
    return f"{mark} {row['id']:<40} {row['seconds']:5.1f} s  failed: {by}"


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
    return parser


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

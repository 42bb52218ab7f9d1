"""Judge generated faults: `python -m tests.mutants --generated N [--seed S] [--only MODULE]`.

Prints a line for each fault, the survivors with their changes, and the table by task.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.mutants.generated.faults import Fault, faults_of
from tests.mutants.generated.results import FaultResult, Outcome, ResultFile, as_markdown, table
from tests.mutants.generated.scope import clauses_for, is_left_out, reached_modules
from tests.mutants.generated.triage import Triage, load_triage
from trackproof.errors import TrackproofError
from trackproof.fleet import REFERENCE
from trackproof.lab import Testbed
from trackproof.suite.options import VerifyOptions
from trackproof.verify.runner import verify_on

LAUNCH = Path(__file__).with_name("launch.py")

Report = Callable[[str], object]


def run_generated(args: argparse.Namespace, modules: Sequence[str], report: Report) -> int:
    """Judge the chosen faults that have no result yet; return the exit code.

    Args:
        args: The options of `python -m tests.mutants`.
        modules: The modules to take faults from; all that the suite reaches by default.
        report: Takes one line at a time.
    """
    triage = load_triage()
    chosen = list(
        islice(sample(modules or list(reached_modules()), args.seed, triage), args.generated)
    )
    results = ResultFile(args.results)
    known = results.read()
    waiting = [fault for fault in chosen if _is_waiting(fault, known, args)]
    report(f"{len(chosen)} faults, seed {args.seed}, {len(chosen) - len(waiting)} with a result")
    deadline = time.monotonic() + args.minutes * 60 if args.minutes else None
    shares = [waiting[job :: args.jobs] for job in range(args.jobs)]
    if args.jobs > 1:
        process = get_context("spawn")
        ids = [[fault.id for fault in share] for share in shares]
        jobs = [process.Process(target=_job, args=(args, share, deadline)) for share in ids]
        for job in jobs:
            job.start()
        for job in jobs:
            job.join()
    elif waiting:
        _judge_all(args, waiting, deadline, report)
    known = results.read()
    done = [known[fault.id] for fault in chosen if fault.id in known]
    return _finish(done, triage, missing=len(chosen) - len(done), report=report)


def sample(modules: Iterable[str], seed: str, triage: Triage) -> Iterator[Fault]:
    """Yield the faults of modules in the seed's order, without those that are left out.

    The order depends on each fault alone, so a change of the fleet moves no other fault.
    """
    faults = [fault for module in modules for fault in faults_of(module) if not is_left_out(fault)]
    faults.sort(key=lambda fault: hashlib.sha256(f"{seed}\n{fault.id}".encode()).digest())
    return (fault for fault in faults if not triage.is_ruled_out(fault))


def _is_waiting(fault: Fault, known: Mapping[str, FaultResult], args: argparse.Namespace) -> bool:
    result = known.get(fault.id)
    if result is None:
        return True
    return args.again and result.outcome in {"survived", "unclear"}


def _job(args: argparse.Namespace, ids: Sequence[str], deadline: float | None) -> None:
    modules = [name for name in reached_modules() if any(one.startswith(name) for one in ids)]
    faults = {fault.id: fault for module in modules for fault in faults_of(module)}
    console = Console()
    _judge_all(args, [faults[name] for name in ids], deadline, console.print)


def _judge_all(
    args: argparse.Namespace, faults: Sequence[Fault], deadline: float | None, report: Report
) -> None:
    results = ResultFile(args.results)
    with Testbed.started(
        conductor=args.conductor, version=args.conductor_version, report=lambda _line: None
    ) as testbed:
        for fault in faults:
            if deadline is not None and time.monotonic() > deadline:
                break
            result = judge(testbed, fault)
            results.append(result)
            report(_line(result))


def judge(testbed: Testbed, fault: Fault) -> FaultResult:
    """Run the clauses that can reach a fault until one fails."""
    began = time.monotonic()
    failed: tuple[str, ...] = ()
    remark = ""
    outcome: Outcome = "survived"
    with TemporaryDirectory(prefix="trackproof-fault-") as folder:
        file = Path(folder) / "faulty.py"
        file.write_text(fault.make(), encoding="utf-8")
        # As a file: importing this package would load the module before it can be replaced.
        launch = (sys.executable, "-P", str(LAUNCH), fault.module, str(file))
        profile = replace(REFERENCE, name=fault.module, command=launch, register_command=())
        options = VerifyOptions(
            fleet=fault.module,
            only=clauses_for(fault.module),
            repeat_failures=False,
            exit_first=True,
        )
        try:
            ended = verify_on(testbed, profile, options)
        except TrackproofError as error:
            outcome, remark = "does not start", error.what
        else:
            failed = tuple(one.id for one in ended.clauses if one.status == "failed")
            errors = [one for one in ended.clauses if one.status == "error"]
            remark = "; ".join(f"{one.id}: {one.observed}" for one in errors)
            outcome = "killed" if failed else "unclear" if errors else "survived"
    return FaultResult(
        id=fault.id,
        module=fault.module,
        change=fault.change,
        outcome=outcome,
        failed=failed,
        remark=remark,
        seconds=round(time.monotonic() - began, 1),
    )


def _line(result: FaultResult) -> str:
    why = ", ".join(result.failed) or result.remark.partition("\n")[0]
    return f"{result.outcome:<9} {result.seconds:5.1f} s  {result.id}  {why}"


def _finish(done: Sequence[FaultResult], triage: Triage, *, missing: int, report: Report) -> int:
    """Report survivors and the table; return 1 if a survivor is a hole or was not looked at."""
    survivors = [one for one in done if one.outcome in {"survived", "unclear"}]
    open_ = [one for one in survivors if triage.verdict(one.id) in {None, "hole"}]
    for result in open_:
        report(f"\nSURVIVED ({triage.verdict(result.id) or 'untriaged'}): {result.id}")
        report(result.change)
    report("")
    report(as_markdown(table(done, triage)))
    if missing:
        report(f"\n{missing} faults have no result yet: run the same command again")
    return 1 if open_ or missing else 0

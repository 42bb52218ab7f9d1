"""The paranoid profile: `python -m tests.paranoid [--seed 1] [--meetings 10]`.

First four meetings: in one every task is delivered twice, in one every acknowledgement is lost
once, in one every result, and in one the fleet is killed once in every task, between its effect and
its result. Then Hypothesis mixes schedules. Every effect is counted. Exits with 0 if each happened
as often as the contracts allow; else it prints the smallest failing schedule and the command that
repeats it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from itertools import count

from tests.faults.lane import Lane
from tests.faults.scaling import scaled
from tests.paranoid.machine import find_failure
from tests.paranoid.meeting import problems_with
from tests.paranoid.schedule import Schedule, base_schedules
from trackproof.errors import TrackproofError
from trackproof.fleet import load_profile
from trackproof.testbed.conductor.versions import DEFAULT_VERSION


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the schedules; return the exit code: 2 if the laboratory had an error."""
    args = _parser().parse_args(arguments)
    try:
        return _run(args)
    except TrackproofError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _run(args: argparse.Namespace) -> int:
    numbers = count(args.seed % 1_000 * 1_000)
    held = 0
    with Lane.started(
        scaled(load_profile(args.fleet)), version=args.conductor_version, database=args.database
    ) as lane:

        def problems(schedule: Schedule) -> list[str]:
            nonlocal held
            start = time.monotonic()
            found = problems_with(lane, schedule, next(numbers))
            held += 1
            told = " | ".join(found) or "every effect as often as allowed"
            mark = "✗" if found else "✓"
            sys.stdout.write(f"{mark} {schedule} ({time.monotonic() - start:.0f} s): {told}\n")
            sys.stdout.flush()
            return found

        chosen = [Schedule.parse(args.schedule)] if args.schedule else base_schedules()
        for schedule in () if args.mixed_only else chosen:
            if found := problems(schedule):
                return _fail(schedule, found, args.fleet)
        if not args.schedule and args.meetings:
            failure = find_failure(problems, number=args.meetings, seed_of=args.seed)
            if failure is not None:
                return _fail(failure.schedule, failure.problems, args.fleet)
    sys.stdout.write(f"PASSED: {held} meetings, seed {args.seed}\n")
    return 0


def _fail(schedule: Schedule, problems: Sequence[str], fleet: str) -> int:
    lines = [f"FAILED: {schedule}", *(f"  {problem}" for problem in problems)]
    lines.append(f"repeat it: nox -s paranoid -- --schedule '{schedule}' --fleet {fleet}")
    sys.stdout.write("\n".join(lines) + "\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.paranoid", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of the generated schedules")
    parser.add_argument(
        "--meetings", type=int, default=10, help="number of generated examples; 0 for none"
    )
    parser.add_argument(
        "--mixed-only", action="store_true", help="leave out the four meetings before them"
    )
    parser.add_argument("--schedule", default="", help="run this one: post_zulip:killed,all:twice")
    parser.add_argument("--fleet", default="reference", help="a fleet's profile")
    parser.add_argument("--database", default="postgres", help="as of `trackproof verify`")
    parser.add_argument("--conductor-version", default=DEFAULT_VERSION)
    return parser

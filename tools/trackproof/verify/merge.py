"""Merge the shards of a verification into its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from trackproof.contracts.load import load_contracts
from trackproof.errors import UsageError
from trackproof.events.coverage import ENDS, Coverage, Covered, Endpoint
from trackproof.events.verdict import ClauseResult, by_task
from trackproof.events.verification import VerifyEnded
from trackproof.verify.coverage.floor import shortfalls
from trackproof.verify.coverage.graph import edges, name_of
from trackproof.verify.coverage.measurement import cover_clauses


def merge(reports: Mapping[str, VerifyEnded]) -> VerifyEnded:
    """Return the verdict of the whole verification; a missing shard makes it INTERRUPTED.

    Args:
        reports: The verdicts of the shards by the names of their files.

    Raises:
        UsageError: The reports are no shards of one verification.
    """
    if not reports:
        raise UsageError("there is no report to merge", hint="name JSON files or their folder")
    ordered = sorted(reports.items(), key=lambda item: not item[1].clauses)
    [(first_name, first), *others] = ordered
    if first.shard is None and not others:
        return first
    _check_same(first_name, first, first_name, first)
    assert first.shard is not None
    shards: dict[int, tuple[str, VerifyEnded]] = {}
    for name, ended in reports.items():
        _check_same(first_name, first, name, ended)
        assert ended.shard is not None
        if ended.shard.number in shards:
            raise UsageError(
                f"{shards[ended.shard.number][0]} and {name} are both shard {ended.shard}"
            )
        shards[ended.shard.number] = name, ended
    parts = [shards[number][1] for number in sorted(shards)]
    tasks = next((one.shard.tasks for one in parts if one.shard and one.shard.tasks), ())
    order = [clause.id for clause in load_contracts().clauses]
    results = sorted(
        (clause for part in parts for clause in part.clauses),
        key=lambda clause: order.index(clause.id),
    )
    coverage = merge_coverage([part.coverage for part in parts if part.coverage], results)
    ended = replace(
        first,
        seconds=max(part.seconds for part in parts),
        tasks=by_task(results),
        coverage=coverage,
        interrupted="\n".join(_incomplete(shards, first.shard.count, tasks)),
        stopped="; ".join(filter(None, (part.stopped for part in parts))),
        shard=None,
    )
    is_whole = not (ended.interrupted or ended.selected or ended.stopped)
    missing = shortfalls(coverage, ended.floor) if coverage and is_whole else ()
    return replace(ended, shortfalls=missing)


def merge_coverage(parts: Sequence[Coverage], results: Sequence[ClauseResult]) -> Coverage | None:
    """Return what the parts exercised together; None if there are none."""
    if not parts:
        return None
    contracts = load_contracts()
    answers: dict[tuple[str, str], Counter[str]] = {}
    for one in (endpoint for part in parts for endpoint in part.endpoints):
        answers.setdefault((one.service, one.operation), Counter()).update(one.answers)
    ends: dict[str, Counter[str]] = {}
    for task, counts in (item for part in parts for item in part.ends.items()):
        ends.setdefault(task, Counter()).update(counts)
    return Coverage(
        clauses=cover_clauses(results),
        tasks=Covered.of(
            (task.name for task in contracts.tasks_in_order),
            (name for part in parts for name in part.tasks.seen),
        ),
        edges=Covered.of(
            map(name_of, edges(contracts)), (name for part in parts for name in part.edges.seen)
        ),
        events=Covered.of(contracts.events, (name for part in parts for name in part.events.seen)),
        ends={task: {end: counts[end] for end in ENDS} for task, counts in ends.items()},
        endpoints=tuple(
            Endpoint(service, operation, dict(sorted(counts.items())))
            for (service, operation), counts in answers.items()
        ),
    )


def _check_same(first_name: str, first: VerifyEnded, name: str, other: VerifyEnded) -> None:
    """Raise a UsageError unless two reports are shards of one verification."""
    for one_name, one in ((first_name, first), (name, other)):
        if one.shard is None:
            raise UsageError(
                f"{one_name} is no shard of a verification",
                hint="`trackproof verify --shard 1/3 --json FILE` writes one",
            )
    assert first.shard is not None
    assert other.shard is not None
    facts: dict[str, tuple[object, object]] = {
        "number of shards": (first.shard.count, other.shard.count),
        "floor": (first.floor, other.floor),
        "tasks of the fleet": (first.serves, other.serves),
    }
    if first.clauses and other.clauses:  # what did not start knows neither
        facts |= {
            "fleet": (first.fleet, other.fleet),
            "Conductor": (first.version, other.version),
        }
    if first.shard.tasks and other.shard.tasks:
        facts["split"] = (first.shard.tasks, other.shard.tasks)
    for fact, (one_value, other_value) in facts.items():
        if one_value != other_value:
            raise UsageError(
                f"{first_name} and {name} are of different verifications: {fact}",
                evidence=f"{first_name}: {one_value}\n{name}: {other_value}",
            )


def _incomplete(
    shards: Mapping[int, tuple[str, VerifyEnded]], count: int, tasks: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Yield a line for each shard that is missing or ended early."""
    for number in range(1, count + 1):
        if number not in shards:
            names = ", ".join(tasks[number - 1]) if tasks else "unknown tasks"
            yield f"shard {number}/{count} is missing: {names}"
        elif reason := shards[number][1].interrupted:
            yield f"shard {number}/{count} ended early: {reason}"

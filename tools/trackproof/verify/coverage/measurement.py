"""Measure coverage from the server's runs, the ledgers and the fleet's events."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from trackproof.contracts.load import Contracts, load_contracts
from trackproof.events.coverage import ENDS, Coverage, Covered, Endpoint
from trackproof.events.verdict import ClauseResult
from trackproof.suite.harness import Harness
from trackproof.testbed.s3.server import OWN_AGENT
from trackproof.testbed.stand_ins.ledger import Request
from trackproof.verify.coverage.graph import edges, name_of
from trackproof.verify.coverage.watch import CoverageWatch

METHODS = ("get", "put", "post", "patch", "delete")
PLACEHOLDER = re.compile(r"\\\{[^/]+?\\\}")
STORAGE = ("HEAD", "GET", "PUT", "POST", "DELETE")


def measure_coverage(
    harness: Harness, watch: CoverageWatch, results: Sequence[ClauseResult]
) -> Coverage:
    """Return the coverage so far.

    Raises:
        TestbedError: The fleet's events cannot be read as its profile says.
    """
    contracts = load_contracts()
    testbed = harness.testbed
    event_names = {
        name
        for one in (harness.transcripts if harness.fleet.exposes_events else ())
        for name, _ in harness.task_runner.events(one)
    }
    return Coverage(
        clauses=cover_clauses(results),
        tasks=Covered.of(
            (task.name for task in contracts.tasks_in_order),
            (task for task, end in watch.ends if end == "completed"),
        ),
        edges=Covered.of(map(name_of, edges(contracts)), map(name_of, watch.edges)),
        events=Covered.of(contracts.events, event_names),
        ends={
            task.name: {end: watch.ends[task.name, end] for end in ENDS}
            for task in contracts.tasks_in_order
        },
        endpoints=endpoints(
            contracts,
            (*testbed.stand_ins.ledger.requests(), *testbed.s3.ledger.requests()),
        ),
    )


def cover_clauses(results: Sequence[ClauseResult]) -> Covered:
    """Return the judged clauses among all that are visible."""
    not_visible = {result.id for result in results if result.status == "not_visible"}
    return Covered.of(
        (clause.id for clause in load_contracts().clauses if clause.id not in not_visible),
        (result.id for result in results if result.judged),
    )


def endpoints(contracts: Contracts, requests: Iterable[Request]) -> tuple[Endpoint, ...]:
    """Return every operation of the outside services with the answers the fleet received."""
    known = list(_operations(contracts))
    answers: dict[tuple[str, str], Counter[str]] = {
        (service, operation): Counter() for service, operation, _ in known
    }
    for request in requests:
        if OWN_AGENT in request.header("user-agent"):
            continue
        line = f"{request.method} {request.path}"
        for service, operation, pattern in known:
            if service == request.service and pattern.fullmatch(line):
                answer = "dropped" if request.status is None else str(request.status)
                answers[service, operation][answer] += 1
                break
    return tuple(
        Endpoint(service, operation, dict(sorted(counted.items())))
        for (service, operation), counted in answers.items()
    )


def _operations(contracts: Contracts) -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """Yield service, operation and the pattern of its requests."""
    for service, document in contracts.services.items():
        for path, item in document.get("paths", {}).items():
            pattern = PLACEHOLDER.sub("[^/]+", re.escape(path))
            for method in (name.upper() for name in METHODS if name in item):
                yield service, f"{method} {path}", re.compile(f"{method} {pattern}")
        for name in document.get("webhooks", {}):
            yield service, f"POST {name}", re.compile(r"POST /?.*")
    for method in STORAGE:
        yield "s3", f"{method} object", re.compile(f"{method} /?[^/]+/.+")

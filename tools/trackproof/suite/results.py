"""Make one verdict a clause out of the reports of its tests."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from trackproof.contracts.load import Clause, load_contracts
from trackproof.errors import DeadlineError, FleetError
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, Exchange, Status
from trackproof.events.verification import ClauseFinished, ClauseStarted
from trackproof.fleet.profile import Deviation
from trackproof.suite.assertions import ClauseViolation, readable, shortened
from trackproof.suite.harness import Harness
from trackproof.suite.redaction import redacted
from trackproof.verify.failure_store import failure_id

LOG_LINES = 60
SENT_CHARACTERS = 32_000
RECEIVED_CHARACTERS = 8_000

TELLS_OF_THE_FLEET = (
    AssertionError,
    DeadlineError,
    FleetError,
    # A fleet may answer anything: what cannot be read is its breach.
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a failing test raises when it is the fleet that is wrong."""


def clauses_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the ids of the clauses that a test proves."""
    return tuple(str(name) for mark in item.iter_markers("clause") for name in mark.args)


def wanted(clauses: Sequence[str], only: Sequence[str]) -> bool:
    """Tell whether a test of these clauses is asked for by task types or clause ids."""
    return not only or any(name in only or name.partition(".")[0] in only for name in clauses)


class Collector:
    """Counts the tests of every clause and knows how each clause stands."""

    def __init__(self, fleet: str, *, keeps: bool = False) -> None:
        """Collect the verdict on the fleet of this profile.

        Args:
            fleet: The profile as it was asked for.
            keeps: Whether failing clauses are kept, so that they can be replayed.
        """
        self._fleet = fleet
        self._keeps = keeps
        self._known = {clause.id: clause for clause in load_contracts().clauses}
        self._left: Counter[str] = Counter()
        self._results: dict[str, ClauseResult] = {}
        self.deviations: Sequence[Deviation] = ()

    def expect(self, items: Sequence[pytest.Item]) -> None:
        """Count what will be run.

        Raises:
            pytest.UsageError: A test names a clause that there is not.
        """
        for item in items:
            for name in clauses_of(item):
                if name not in self._known:
                    raise pytest.UsageError(f"{item.nodeid}: there is no clause {name!r}")
                self._left[name] += 1

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that will be judged, in the contracts' order."""
        return tuple(name for name in self._known if name in self._left)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task types that must be polled for: those of the clauses, or all for the whole."""
        named = {self._known[name].task for name in self.clauses}
        return tuple(load_contracts().tasks if "pipeline" in named else sorted(named))

    @property
    def results(self) -> tuple[ClauseResult, ...]:
        """Every clause that has been judged, in the contracts' order."""
        return tuple(self._results[name] for name in self._known if name in self._results)

    def begins(self, item: pytest.Item) -> Iterator[Event]:
        """Yield the clauses whose first test this is."""
        for name in clauses_of(item):
            if name not in self._results:
                self._results[name] = self._blank(self._known[name], item)
                yield ClauseStarted(name)

    def ends(self, item: pytest.Item) -> Iterator[Event]:
        """Yield the clauses whose last test this was."""
        for name in clauses_of(item):
            self._left[name] -= 1
            if self._left[name] == 0:
                judged = with_deviation(self._results[name], self.deviations)
                if self._keeps and not judged.accepted:
                    known_as = failure_id(self._fleet, name, judged.test)
                    judged = replace(judged, failure=known_as)
                self._results[name] = judged
                yield ClauseFinished(judged)

    def take(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
        report: pytest.TestReport,
        harness: Harness | None,
    ) -> None:
        """Take down one phase of a test."""
        for name in clauses_of(item):
            result = self._results[name]
            if report.when == "call":
                result = replace(result, seconds=round(result.seconds + report.duration, 3))
            if report.skipped and result.accepted:
                result = replace(result, status="skipped", observed=str(call.excinfo or ""))
            if report.failed and result.accepted:
                result = replace(_failed(result, call, report, harness), test=item.nodeid)
            self._results[name] = result

    def _blank(self, clause: Clause, item: pytest.Item) -> ClauseResult:
        repeat = ["trackproof", "verify", "--fleet", self._fleet, "--only", clause.id]
        status: Status = "passed"
        return ClauseResult(
            id=clause.id,
            task=clause.task,
            text=clause.text,
            seed=clause.seed,
            status=status,
            expected="",
            observed="",
            difference="",
            exchanges=(),
            log="",
            seconds=0.0,
            test=item.nodeid,
            repeat=shlex.join(repeat),
        )


def _failed(
    result: ClauseResult,
    call: pytest.CallInfo[None],
    report: pytest.TestReport,
    harness: Harness | None,
) -> ClauseResult:
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, ClauseViolation):
        about = f"{error.what}: " if error.what else ""
        expected, observed = about + readable(error.expected), about + readable(error.observed)
        difference = error.difference
    else:
        expected, observed, difference = result.text, _told(error, report), ""
    secrets = harness.secrets if harness else ()
    runs = harness.runs if harness else []
    return replace(
        result,
        status="failed" if isinstance(error, TELLS_OF_THE_FLEET) else "error",
        expected=redacted(expected, secrets),
        observed=redacted(observed, secrets),
        difference=redacted(shortened(difference, SENT_CHARACTERS), secrets),
        exchanges=tuple(
            Exchange(
                task=run.task,
                workflow_id=run.workflow_id,
                sent=redacted(_json(run.sent, SENT_CHARACTERS), secrets),
                received=redacted(_json(run.output, RECEIVED_CHARACTERS), secrets),
                statuses=tuple(run.statuses),
                reason=redacted(run.reason, secrets),
                seconds=run.seconds,
            )
            for run in runs
        ),
        log=redacted(_last_lines(harness), secrets),
    )


def _json(value: Any, limit: int) -> str:
    return shortened(json.dumps(value, ensure_ascii=False, default=str), limit)


def _told(error: BaseException | None, report: pytest.TestReport) -> str:
    if error is None:
        return report.longreprtext[-2000:]
    text = str(error) or type(error).__name__
    return text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"


def _last_lines(harness: Harness | None) -> str:
    return "\n".join(harness.log_since_fresh().splitlines()[-LOG_LINES:]) if harness else ""


def with_deviation(
    result: ClauseResult, deviations: Sequence[Deviation], today: date | None = None
) -> ClauseResult:
    """Return the result in the light of what was agreed about its clause."""
    agreed = next((one for one in deviations if one.clause == result.id), None)
    if agreed is None:
        return result
    if result.status == "passed":
        return replace(
            result,
            status="failed",
            expected=f"a deviation, as agreed: {agreed.reason}",
            observed="the clause holds: take the deviation out of the profile",
        )
    if (today or date.today()) > agreed.until:
        observed = f"{result.observed} (the deviation was agreed until {agreed.until})"
        return replace(result, observed=observed)
    return replace(result, status="deviates")

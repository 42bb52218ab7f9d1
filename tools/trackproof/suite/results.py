"""One result for each clause, from the reports of its tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import av
import pytest

from trackproof.contracts.load import load_contracts
from trackproof.contracts.parts import NOT_TASKS, Clause
from trackproof.errors import DeadlineError, FleetError, TrackproofError
from trackproof.events.stream import Event
from trackproof.events.verdict import ClauseResult, Exchange, Status, failure_id
from trackproof.events.verification import ClauseFinished, ClauseStarted
from trackproof.fleet.log_text import readable_log
from trackproof.fleet.profile import Deviation, Invisible, Part
from trackproof.runs.json_text import as_json
from trackproof.runs.unavailable import NotVisible
from trackproof.suite.assertions import ClauseViolation, readable, shortened
from trackproof.suite.harness import Harness
from trackproof.suite.kept_audio import is_audio_clause, keep_audio
from trackproof.suite.options import VerifyOptions
from trackproof.suite.redaction import redacted

LOG_LINES = 60
SENT_CHARACTERS = 32_000
RECEIVED_CHARACTERS = 8_000

FLEET_FAILURES = (
    AssertionError,
    DeadlineError,
    FleetError,
    # A fleet may answer anything: an unreadable answer violates its clause.
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    # So does audio that cannot be decoded.
    av.FFmpegError,
)
"""What a failing test raises if the fleet is at fault."""


def clauses_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the ids of the clauses that a test proves."""
    return tuple(str(name) for mark in item.iter_markers("clause") for name in mark.args)


def tasks_of(item: pytest.Item, serves: Collection[str]) -> frozenset[str]:
    """Return the task types that a test of clauses runs on a fleet.

    Args:
        item: The test. Its marker `tasks` names the types, `one_of` names types of which any
            will do; without them it runs the task of its clause, and the pipeline runs all.
        serves: Task types that the fleet serves; all if empty.
    """
    known = load_contracts().tasks
    if (one_of := item.get_closest_marker("one_of")) is not None:
        return frozenset([chosen_task(one_of.args, serves)])
    if (marker := item.get_closest_marker("tasks")) is not None:
        return frozenset(marker.args)
    named = {name.partition(".")[0] for name in clauses_of(item)}
    return frozenset(known) if named & NOT_TASKS else frozenset(named)


def chosen_task(tasks: Sequence[str], serves: Collection[str]) -> str:
    """Return the first of some task types that a fleet serves, or the first of all."""
    return next((name for name in tasks if name in serves), tasks[0])


def case_id(item: pytest.Item) -> str:
    """Return a test's id within the suite, the same from whichever folder pytest runs."""
    return f"{item.path.name}::{item.nodeid.partition('::')[2]}"


def in_words(test: str) -> str:
    """Return a test's name as words: its file is of no use to who reads a report."""
    name, bracket, case = test.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" ({case.removesuffix(']')})" if bracket else "")


def is_selected(clauses: Sequence[str], only: Sequence[str]) -> bool:
    """Return whether `only`, task types or clause ids, names one of a test's clauses."""
    return not only or any(name in only or name.partition(".")[0] in only for name in clauses)


class ClauseResults:
    """Counts the tests of every clause and holds each clause's result."""

    def __init__(self, options: VerifyOptions) -> None:
        """Start without results; failing clauses are stored for replay if the options say so."""
        self._options = options
        self._known = {clause.id: clause for clause in load_contracts().clauses}
        self._remaining: Counter[str] = Counter()
        self._tasks: frozenset[str] = frozenset()
        self._results: dict[str, ClauseResult] = {}
        self._causes: dict[int, tuple[BaseException, str]] = {}
        """The first clause that each error or its cause failed, by the cause's identity."""
        self.related: dict[str, dict[str, None]] = {}
        """Clauses whose tests found another one violated, by that one."""
        self.workflow_ids: dict[str, dict[str, None]] = {}
        """The workflows that each clause's tests ran, in order."""
        self.deviations: Sequence[Deviation] = ()
        self.not_visible: Mapping[Part, Invisible] = {}

    def expect(self, items: Sequence[pytest.Item]) -> None:
        """Count the tests that will run.

        Raises:
            pytest.UsageError: A test names an unknown clause.
        """
        for item in items:
            self._tasks |= tasks_of(item, self._options.serves)
            for name in clauses_of(item):
                if name not in self._known:
                    raise pytest.UsageError(f"{item.nodeid}: no clause is called {name!r}")
                self._remaining[name] += 1

    @property
    def clauses(self) -> tuple[str, ...]:
        """The ids of all clauses that will be judged, in the contracts' order."""
        return tuple(name for name in self._known if name in self._remaining)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The task types that the fleet must poll: those that the tests run."""
        return tuple(name for name in load_contracts().tasks if name in self._tasks)

    @property
    def all(self) -> tuple[ClauseResult, ...]:
        """The results of all clauses whose tests have ended, in the contracts' order."""
        return tuple(
            self._results[name]
            for name in self._known
            if name in self._results and self._remaining[name] == 0
        )

    def replace(self, result: ClauseResult) -> None:
        """Replace the result of a clause."""
        self._results[result.id] = result

    def add_runs(self, clause: str, workflow_ids: Iterable[str]) -> None:
        """Record workflows that a clause's tests ran."""
        self.workflow_ids.setdefault(clause, {}).update(dict.fromkeys(workflow_ids))

    def add_related(self, clause: str, tests_of: Iterable[str]) -> None:
        """Record clauses whose tests found another one violated: it runs again with them."""
        if clause in self.clauses and clause not in (others := tuple(tests_of)):
            self.related.setdefault(clause, {}).update(dict.fromkeys(others))

    def begin(self, item: pytest.Item) -> Iterator[Event]:
        """Yield an event for each clause whose first test this is."""
        for name in clauses_of(item):
            if name not in self._results:
                self._results[name] = self._blank(self._known[name], item)
                yield ClauseStarted(name)

    def end(self, item: pytest.Item) -> Iterator[Event]:
        """Yield an event for each clause whose last test this was."""
        for name in clauses_of(item):
            self._remaining[name] -= 1
            if self._remaining[name] == 0:
                result = with_deviation(self._results[name], self.deviations)
                if related := self.related.get(name):  # one test alone does not repeat it
                    result = replace(result, repeat=self._options.verify_command(name, *related))
                elif self._options.failures is not None and result.status in {"failed", "error"}:
                    stored = failure_id(self._options.fleet, name, result.test)
                    replay = self._options.replay_command(stored)
                    result = replace(result, failure=stored, replay=replay)
                self._results[name] = result
                yield ClauseFinished(result)

    def record(
        self,
        item: pytest.Item,
        call: pytest.CallInfo[None],
        report: pytest.TestReport,
        harness: Harness | None,
    ) -> None:
        """Record one phase of a test."""
        for name in clauses_of(item):
            result = self._results[name]
            if harness is not None:
                earlier = (run.workflow_id for run in harness.runs)
                self.add_runs(name, (*harness.workflow_ids, *earlier))
            if report.when == "call":
                result = replace(result, seconds=round(result.seconds + report.duration, 3))
            if report.skipped and result.status == "passed":
                result = skipped_result(result, call, self.not_visible)
            if report.failed:
                failed = replace(_failed(result, call, report, harness), test=case_id(item))
                failed = self._grouped(failed, call.excinfo.value if call.excinfo else None)
                failed = replace(failed, line=item.location[1] or 0)
                if result.status in {"failed", "error"}:
                    more = f"{in_words(item.name)}: {failed.observed}"
                    failed = replace(result, also=(*result.also, more))
                elif failed.status == "failed" and harness is not None:
                    failed = replace(failed, audio=self._audio(failed, harness))
                result = failed
            self._results[name] = result

    def _audio(self, result: ClauseResult, harness: Harness) -> tuple[str, ...]:
        """Keep the audio of a failing audio clause beside its stored failure."""
        if self._options.failures is None or not is_audio_clause(result.id):
            return ()
        folder = failure_id(self._options.fleet, result.id, result.test)
        return keep_audio(self._options.failures / folder, harness.runs, harness.testbed.s3)

    def _grouped(self, result: ClauseResult, error: BaseException | None) -> ClauseResult:
        """Leave a clause unjudged if what its tests share has failed another clause already."""
        if error is None:
            return result
        # pytest raises a fixture's error again, the same object, in each test that uses it.
        cause = error.__cause__ or error
        _, first = self._causes.setdefault(id(cause), (cause, result.id))
        if first == result.id:
            return result
        return replace(
            result,
            status="error",
            expected="",
            observed=f"not judged: same cause as {first}",
            difference="",
            exchanges=(),
            log="",
        )

    def _blank(self, clause: Clause, item: pytest.Item) -> ClauseResult:
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
            test=case_id(item),
            repeat=self._options.verify_command(clause.id),
        )


def skipped_result(
    result: ClauseResult,
    call: pytest.CallInfo[None],
    not_visible: Mapping[Part, Invisible],
    today: date | None = None,
) -> ClauseResult:
    """Return the result of a clause whose test was skipped, as the profile declares it."""
    error = call.excinfo.value if call.excinfo else None
    declared = not_visible.get(error.part) if isinstance(error, NotVisible) else None  # type: ignore[call-overload]
    if declared is None:
        return replace(result, status="skipped", observed=str(error or "the test was skipped"))
    if declared.until is not None and (today or date.today()) > declared.until:
        observed = f"{error}; declared until {declared.until}: {declared.reason}"
        return replace(result, status="skipped", observed=observed)
    return replace(result, status="not_visible", observed=declared.reason)


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
        expected, observed, difference = result.text, error_text(error, report.longreprtext), ""
    secrets = harness.secrets if harness else ()
    runs = harness.runs if harness else []
    return replace(
        result,
        status="failed" if isinstance(error, FLEET_FAILURES) else "error",
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
    return shortened(as_json(value), limit)


def error_text(error: BaseException | None, report: str) -> str:
    """Return why a test failed, without the terms of Python's own errors.

    Args:
        error: What the test raised; None if pytest failed it without an exception.
        report: Pytest's text, for that case.
    """
    if error is None:
        return report[-2000:]
    match error:
        case AssertionError() | TrackproofError():
            return str(error) or type(error).__name__
        case KeyError():
            return f"the fleet's answer has no field {error.args[0] if error.args else ''}".strip()
        case av.FFmpegError():
            return f"the fleet's audio cannot be read: {error.strerror}"
        case AttributeError() | LookupError() | TypeError() | ValueError():
            return f"the fleet's answer cannot be read: {type(error).__name__}: {error}"
        case _:
            return f"{type(error).__name__}: {error}"


def _last_lines(harness: Harness | None) -> str:
    return readable_log(harness.log_of_test(), LOG_LINES) if harness else ""


def with_deviation(
    result: ClauseResult, deviations: Sequence[Deviation], today: date | None = None
) -> ClauseResult:
    """Return the result with the profile's deviation for its clause applied, if there is one."""
    deviation = next((one for one in deviations if one.clause == result.id), None)
    if deviation is None:
        return result
    if result.status == "passed":
        return replace(
            result,
            status="failed",
            expected=f"the declared deviation: {deviation.reason}",
            observed="the clause passes: remove the deviation from the profile "
            f"(declared until {deviation.until})",
        )
    if result.status not in {"failed", "unsteady"}:
        return result
    if (today or date.today()) > deviation.until:
        note = f"the deviation expired on {deviation.until}: {deviation.reason}"
        return replace(result, observed=f"{result.observed} ({note})")
    return replace(result, status="deviates")

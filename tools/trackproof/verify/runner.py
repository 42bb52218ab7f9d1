"""Judge a fleet by its contracts: pytest underneath, a stream of events on top."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import replace

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.contracts.parts import NOT_TASKS
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.stream import Event, Note, Writer
from trackproof.events.verdict import ClauseResult, by_task
from trackproof.events.verification import (
    ClauseFinished,
    ClauseStarted,
    EnvironmentKept,
    EnvironmentStarted,
    KeptRun,
    VerifyEnded,
)
from trackproof.fleet import FleetProfile, load_profile
from trackproof.lab import Testbed
from trackproof.runs.ids import new_seed
from trackproof.suite.options import VerifyOptions
from trackproof.suite.plugin import CLAUSES, ClauseSuite
from trackproof.suite.session import start_testbed
from trackproof.verify.coverage.floor import shortfalls
from trackproof.verify.coverage.measurement import measure_coverage
from trackproof.verify.environment import Environment
from trackproof.verify.failure_store import FailureWriter
from trackproof.verify.last_failed import LastFailedWriter
from trackproof.verify.repetition import combine, is_repeatable
from trackproof.verify.stream import Stream
from trackproof.wait import wait_for_interrupt

RAN = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})
NOT_FOUND = frozenset({pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED})
PYTEST_VARIABLES = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""The user's, for the user's own tests."""


class _Listener:
    """Takes the events of one pytest run; holds back clauses that will run again."""

    def __init__(self, stream: Stream, *, final: bool) -> None:
        self._stream = stream
        self._final = final
        self.started: EnvironmentStarted | None = None
        self.interrupted = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest calls this too if a file of the suite cannot be loaded.
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    def pytest_trackproof_event(self, event: Event) -> None:
        if isinstance(event, EnvironmentStarted):
            self.started = event
        if self._final or not (isinstance(event, ClauseFinished) and is_repeatable(event.result)):
            self._stream.emit(event)


class _RepetitionListener(_Listener):
    """Takes the events of the second run of failed clauses; emits each final result at its end."""

    def __init__(
        self, failed: Sequence[ClauseResult], suite: ClauseSuite, again: ClauseSuite, stream: Stream
    ) -> None:
        super().__init__(stream, final=True)
        self._first = {result.id: result for result in failed}
        self._suite = suite
        self._again = again

    def pytest_trackproof_event(self, event: Event) -> None:
        match event:
            case EnvironmentStarted():
                self.started = event
            case ClauseStarted() if event.id in self._first:
                self._stream.emit(event)
            case ClauseFinished() if event.result.id in self._first:
                self._end(event.result.id, event.result)

    def finish(self) -> None:
        """Emit the first results of the clauses that did not run again."""
        for name in tuple(self._first):
            self._end(name, None)

    def _end(self, name: str, second: ClauseResult | None) -> None:
        result = combine(self._first.pop(name), second)
        self._suite.results.replace(result)
        self._suite.results.add_runs(name, self._again.results.workflow_ids.get(name, ()))
        self._stream.emit(ClauseFinished(result))


def verify(options: VerifyOptions, writers: Sequence[Writer]) -> VerifyEnded:
    """Judge every selected clause on a testbed of its own and return the verdict.

    Whatever ends it early, the writers get a `VerifyEnded` with the results so far.

    Raises:
        UsageError: The profile, a task or a clause does not exist.
        TrackproofError: The environment or the fleet could not start.
    """
    try:
        profile = load_profile(options.fleet)
        check_only(options.only)
        options = options.for_fleet(profile)
    except TrackproofError as error:
        ended = VerifyEnded(
            fleet=options.fleet,
            backend=options.conductor,
            version=options.version,
            seconds=0.0,
            tasks=(),
            interrupted=str(error),
            shard=options.shard,
        )
        Stream(writers).emit(ended)
        raise
    environment = Environment(
        lambda report: start_testbed(profile, options, report), profile, options
    )
    return _verify(options, writers, environment)


def verify_on(
    testbed: Testbed, profile: FleetProfile, options: VerifyOptions, writers: Sequence[Writer] = ()
) -> VerifyEnded:
    """Judge a fleet on a testbed that runs already; otherwise like `verify`.

    Raises:
        TrackproofError: As for `verify`.
    """
    check_only(options.only)
    options = options.for_fleet(profile)
    environment = Environment(lambda _report: nullcontext(testbed), profile, options)
    return _verify(options, writers, environment)


def _verify(
    options: VerifyOptions, writers: Sequence[Writer], environment: Environment
) -> VerifyEnded:
    began = time.monotonic()
    stored: list[Writer] = []
    if options.failures:
        stored = [FailureWriter(options.failures), LastFailedWriter(options.failures)]
    stream = Stream([*writers, *stored])
    suite = ClauseSuite(options, environment.open)
    listener = _Listener(stream, final=not options.repeat_failures)

    def ended(interrupted: str = "") -> VerifyEnded:
        started = listener.started
        return VerifyEnded(
            fleet=started.fleet if started else options.fleet,
            backend=started.backend if started else options.conductor,
            version=started.version if started else options.version,
            seconds=round(time.monotonic() - began, 3),
            tasks=by_task(suite.results.all),
            serves=options.serves,
            interrupted=interrupted,
            shard=suite.shard or options.shard,
            stopped=_stopped(suite),
            floor=options.floor,
            selected=bool(options.only or options.serves),
        )

    with closing(environment):
        try:
            _run(options, suite, listener)
            assert suite.session is not None
            coverage = measure_coverage(suite.session.harness, environment.watch, suite.results.all)
            if options.repeat_failures:
                _repeat_failures(options, suite, environment, stream)
        except KeyboardInterrupt:
            stream.emit(ended("interrupted by Ctrl-C or SIGTERM"))
            raise
        except TrackproofError as error:
            stream.emit(ended(str(error)))
            raise
        verdict = ended()
        is_whole = not (verdict.selected or verdict.shard or verdict.stopped)
        verdict = replace(
            verdict,
            coverage=coverage,
            shortfalls=shortfalls(coverage, options.floor) if is_whole else (),
        )
        stream.emit(verdict)
        stream.check_written()
        if options.keep and listener.started:
            stream.emit(_kept(listener.started, suite, verdict))
            wait_for_interrupt(environment.check_alive)
    return verdict


def _kept(started: EnvironmentStarted, suite: ClauseSuite, verdict: VerifyEnded) -> EnvironmentKept:
    """Return what keeps running, with the runs of clauses that did not pass first."""
    runs = [
        KeptRun(result.id, result.status, workflow_ids)
        for result in verdict.clauses
        if (workflow_ids := tuple(suite.results.workflow_ids.get(result.id, ())))
    ]
    runs.sort(key=lambda run: run.status == "passed")
    return EnvironmentKept(started.addresses, tuple(runs))


def _stopped(suite: ClauseSuite) -> str:
    """Return a sentence if `exit_first` has left clauses out."""
    left = len(suite.results.clauses) - len(suite.results.all)
    if not suite.options.exit_first or not left:
        return ""
    return f"stopped after the first failed clause: {left} clauses did not run"


def _repeat_failures(
    options: VerifyOptions, suite: ClauseSuite, environment: Environment, stream: Stream
) -> None:
    """Run failed clauses once more, alone and on a fresh fleet; emit their final results."""
    failed = [result for result in suite.results.all if is_repeatable(result)]
    if not failed:
        return
    stream.emit(Note(f"running {len(failed)} failed clauses again, alone, on a fresh fleet"))
    names = [result.id for result in failed]
    related = [one for name in names for one in suite.results.related.get(name, ())]
    only = tuple(dict.fromkeys((*names, *related)))
    again = ClauseSuite(
        replace(
            options,
            only=only,
            id_seed=new_seed(),
            test="",
            failures=None,
            shard=None,
            exit_first=False,
        ),
        environment.open,
    )
    listener = _RepetitionListener(failed, suite, again, stream)
    try:
        _run(again.options, again, listener)
    except TrackproofError as error:
        stream.emit(Note(f"the first results stand: {error.what}"))
    listener.finish()


def _run(options: VerifyOptions, suite: ClauseSuite, listener: _Listener) -> None:
    output = io.StringIO()
    # Everything a user reads comes from the writers; pytest's output explains why it did not run.
    with redirect_stdout(output), redirect_stderr(output), _without_variables(PYTEST_VARIABLES):
        code = pytest.main(_arguments(options), plugins=[suite, listener])
    if suite.error is not None:
        raise suite.error
    if options.test and code in NOT_FOUND:
        raise UsageError(
            f"the suite has no test {options.test} of {', '.join(options.only)} any more",
            hint="the suite has changed since: run `trackproof verify` with --only that clause",
        )
    if listener.interrupted:
        raise KeyboardInterrupt
    if listener.started is None or code not in RAN:
        raise TrackproofError(
            f"the clauses could not be run (pytest ended with {int(code)})",
            evidence="\n".join(output.getvalue().splitlines()[-30:]),
        )


def _arguments(options: VerifyOptions) -> list[str]:
    """Return what isolates this run from the user's pytest: configuration, plugins, cache."""
    return [
        str(CLAUSES / options.test) if options.test else str(CLAUSES),
        *("-c", os.devnull),
        *("--rootdir", str(CLAUSES)),
        *("--capture", "no"),
        *("-p", "no:cacheprovider"),
        "--disable-plugin-autoload",
    ]


@contextmanager
def _without_variables(names: Sequence[str]) -> Iterator[None]:
    removed = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(removed)


def check_only(only: Sequence[str]) -> None:
    """Raise a UsageError for a name that is neither a task type nor a clause."""
    contracts = load_contracts()
    known = {*NOT_TASKS, *contracts.tasks, *(clause.id for clause in contracts.clauses)}
    if unknown := [name for name in only if name not in known]:
        raise UsageError(
            f"--only names unknown tasks or clauses: {', '.join(unknown)}",
            hint="`trackproof contracts list` shows every task and clause",
        )

"""Judge a fleet by its contracts: pytest underneath, a stream of events on top."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.stream import Event, Writer
from trackproof.events.verdict import by_task
from trackproof.events.verification import EnvironmentKept, EnvironmentStarted, VerifyEnded
from trackproof.fleet import FleetProfile, load_profile
from trackproof.lab import Testbed
from trackproof.suite.options import VerifyOptions
from trackproof.suite.plugin import CLAUSES, ClauseSuite, Opener
from trackproof.suite.session import Report, Session, open_on, open_session
from trackproof.verify.coverage.floor import shortfalls
from trackproof.verify.coverage.measurement import measure_coverage
from trackproof.verify.coverage.watch import CoverageWatch
from trackproof.verify.failure_store import FailureWriter

RAN = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})
NOT_FOUND = frozenset({pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED})
PYTEST_VARIABLES = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""The user's, for the user's own tests."""


class _Listener:
    """Hands pytest's events to the writers."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        self._writers = writers
        self.started: EnvironmentStarted | None = None
        self.interrupted = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest calls this too if a file of the suite cannot be loaded.
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    def pytest_trackproof_event(self, event: Event) -> None:
        if isinstance(event, EnvironmentStarted):
            self.started = event
        for writer in self._writers:
            writer.write(event)


def verify(options: VerifyOptions, writers: Sequence[Writer]) -> VerifyEnded:
    """Judge every selected clause on a testbed of its own and return the verdict.

    Raises:
        UsageError: The profile, a task or a clause does not exist.
        TrackproofError: The environment or the fleet could not start.
    """
    check_only(options.only)
    profile = load_profile(options.fleet)
    options = options.for_fleet(profile)
    return _verify(
        options, writers, lambda tasks, report: open_session(profile, options, tasks, report)
    )


def verify_on(
    testbed: Testbed, profile: FleetProfile, options: VerifyOptions, writers: Sequence[Writer] = ()
) -> VerifyEnded:
    """Judge a fleet on a testbed that runs already; otherwise like `verify`.

    Raises:
        TrackproofError: As for `verify`.
    """
    check_only(options.only)
    options = options.for_fleet(profile)
    return _verify(
        options, writers, lambda tasks, report: open_on(testbed, profile, options, tasks, report)
    )


def _verify(options: VerifyOptions, writers: Sequence[Writer], opener: Opener) -> VerifyEnded:
    began = time.monotonic()
    stored = [FailureWriter(options.failures)] if options.failures else []
    listener = _Listener([*writers, *stored])
    with ExitStack() as environment:
        # The environment outlasts pytest: coverage is measured on it, and `keep` leaves it running.
        watch = CoverageWatch()
        suite = ClauseSuite(options, _watched(opener, watch, environment))
        started = _run(options, suite, listener)
        assert suite.session is not None
        coverage = measure_coverage(suite.session.harness, watch, suite.results.all)
        partial = options.only or options.serves
        ended = VerifyEnded(
            fleet=started.fleet,
            backend=started.backend,
            version=started.version,
            seconds=round(time.monotonic() - began, 3),
            tasks=by_task(suite.results.all),
            coverage=coverage,
            serves=options.serves,
            shortfalls=() if partial else shortfalls(coverage, options.floor),
        )
        listener.pytest_trackproof_event(ended)
        if options.keep:
            listener.pytest_trackproof_event(EnvironmentKept(started.addresses))
            wait_for_interrupt()
    return ended


def _watched(opener: Opener, watch: CoverageWatch, environment: ExitStack) -> Opener:
    """Return an opener whose session is watched and ends with `environment`, not before."""

    @contextmanager
    def opened(tasks: Sequence[str], report: Report) -> Iterator[Session]:
        session = environment.enter_context(opener(tasks, report))
        watchers = session.harness.testbed.rest.watchers
        watchers.append(watch.record)
        environment.callback(watchers.remove, watch.record)
        yield session

    return opened


def _run(options: VerifyOptions, suite: ClauseSuite, listener: _Listener) -> EnvironmentStarted:
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
    return listener.started


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


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C, or for SIGTERM where the command line turns it into Ctrl-C."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def check_only(only: Sequence[str]) -> None:
    """Raise a UsageError for a name that is neither a task type nor a clause."""
    contracts = load_contracts()
    known = {"pipeline", *contracts.tasks, *(clause.id for clause in contracts.clauses)}
    if unknown := [name for name in only if name not in known]:
        raise UsageError(
            f"--only names unknown tasks or clauses: {', '.join(unknown)}",
            hint="`trackproof contracts list` shows every task and clause",
        )

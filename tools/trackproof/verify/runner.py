"""Hold a fleet against its contracts: pytest underneath, typed events on top."""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr, redirect_stdout, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.stream import Event, Writer
from trackproof.events.verdict import by_task
from trackproof.events.verification import EnvironmentKept, EnvironmentStarted, VerifyEnded
from trackproof.fleet import FleetProfile, load_profile
from trackproof.lab import Testbed
from trackproof.suite.plugin import BROKEN, COLLECTOR, HARNESS, OUTLASTING, SHARED, WATCH, Shared
from trackproof.suite.session import VerifyOptions
from trackproof.verify.coverage.floor import shortfalls
from trackproof.verify.coverage.measurement import measured

SUITE = "trackproof.suite.clauses"
"""Found by its name: the laboratory imports no test."""

RAN = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})
NOT_THERE = frozenset({pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED})


class _Session:
    """Gives pytest what was asked for, hands its events on, keeps its configuration."""

    def __init__(
        self, writers: Sequence[Writer], shared: Shared | None, outlasting: ExitStack
    ) -> None:
        self._writers = writers
        self._shared = shared
        self._outlasting = outlasting
        self.config: pytest.Config | None = None
        self.started: EnvironmentStarted | None = None
        self.interrupted = False

    def pytest_configure(self, config: pytest.Config) -> None:
        self.config = config
        config.stash[OUTLASTING] = self._outlasting
        if self._shared is not None:
            config.stash[SHARED] = self._shared

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends the same way where a file of the suite cannot be loaded.
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    def pytest_trackproof_event(self, event: Event) -> None:
        if isinstance(event, EnvironmentStarted):
            self.started = event
        for writer in self._writers:
            writer.write(event)


def verify(options: VerifyOptions, writers: Sequence[Writer]) -> VerifyEnded:
    """Run every clause that is asked for; return the verdict.

    Raises:
        UsageError: There is no such profile, task or clause.
        TrackproofError: The environment or the fleet could not start.
    """
    load_profile(options.fleet)
    return _held(options, writers, shared=None)


def verify_within(
    testbed: Testbed, profile: FleetProfile, options: VerifyOptions, writers: Sequence[Writer] = ()
) -> VerifyEnded:
    """Do the same with a testbed that stands already and a profile from anywhere.

    Raises:
        TrackproofError: As `verify`.
    """
    return _held(options, writers, shared=(testbed, profile))


def _held(
    options: VerifyOptions, writers: Sequence[Writer], *, shared: Shared | None
) -> VerifyEnded:
    check_only(options.only)
    began = time.monotonic()
    with ExitStack() as outlasting:
        session = _Session(writers, shared, outlasting)
        config, started = _judged(options, session)
        results = config.stash[COLLECTOR].results
        coverage = measured(config.stash[HARNESS], config.stash[WATCH], results)
        ended = VerifyEnded(
            fleet=started.fleet,
            backend=started.backend,
            version=started.version,
            seconds=round(time.monotonic() - began, 3),
            tasks=by_task(results),
            coverage=coverage,
            shortfalls=() if options.only else shortfalls(coverage, options.floor),
        )
        session.pytest_trackproof_event(ended)
        if options.keep:
            session.pytest_trackproof_event(EnvironmentKept(started.places))
            wait_for_interrupt()
    return ended


def _judged(options: VerifyOptions, session: _Session) -> tuple[pytest.Config, EnvironmentStarted]:
    said = io.StringIO()
    # What pytest prints is of no use here, but for when it cannot run at all.
    with redirect_stdout(said), redirect_stderr(said):
        code = pytest.main(_arguments(options), plugins=[session])
    config, started = session.config, session.started
    if config is not None and (error := config.stash.get(BROKEN, None)) is not None:
        raise error
    if options.test and code in NOT_THERE:
        raise UsageError(
            f"there is no test {options.test} of {', '.join(options.only)} any more",
            hint="the suite has changed since: run `trackproof verify` with --only that clause",
        )
    if session.interrupted:
        raise KeyboardInterrupt
    if config is None or started is None or code not in RAN:
        raise TrackproofError(
            f"the clauses could not be run (pytest ended with {int(code)})",
            evidence="\n".join(said.getvalue().splitlines()[-30:]),
        )
    return config, started


def wait_for_interrupt() -> None:
    """Wait for Ctrl-C, or SIGTERM where that is made to look like it."""
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def check_only(only: Sequence[str]) -> None:
    """Raise a UsageError for what is neither a task type nor a clause."""
    contracts = load_contracts()
    known = {"pipeline", *contracts.tasks, *(clause.id for clause in contracts.clauses)}
    if unknown := [name for name in only if name not in known]:
        raise UsageError(
            f"--only names what there is not: {', '.join(unknown)}",
            hint="`trackproof contracts list` shows every task and clause",
        )


def _arguments(options: VerifyOptions) -> list[str]:
    spec = find_spec(SUITE)
    if spec is None or not spec.submodule_search_locations:
        raise UsageError(f"the clauses' tests ({SUITE}) are not installed")
    folder = Path(next(iter(spec.submodule_search_locations)))
    root = folder.parents[1]
    given = {
        "--database": options.database,
        "--names": options.names,
        "--failures": str(options.failures or ""),
    }
    return [
        str(root / options.test) if options.test else str(folder),
        *("-c", os.devnull),
        *("--rootdir", str(root)),
        *("--capture", "no"),
        *("-p", "no:cacheprovider"),
        # None is needed, and those of whatever is installed may take seconds to load.
        "--disable-plugin-autoload",
        *("--fleet", options.fleet),
        *("--only", ",".join(options.only)),
        *("--conductor", options.conductor),
        *("--conductor-version", options.version),
        *("--time-scale", str(options.time_scale)),
        *(part for name, value in given.items() if value for part in (name, value)),
    ]

"""Hold a fleet against its contracts: pytest underneath, typed events on top."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path

import pytest

from contracts.load import load_contracts
from tools.errors import TrackproofError, UsageError
from tools.testbed.fleet import FleetProfile, load_profile
from tools.testbed.testbed import Testbed
from tools.verify.events import EnvironmentStarted, Event, VerifyEnded, Writer
from tools.verify.laboratory import VerifyOptions
from tools.verify.plugin import BROKEN, COLLECTOR, SHARED, Shared
from tools.verify.verdict import by_task

SUITE = "tests.conformance"
"""Found by its name: the laboratory imports no test."""

RAN = frozenset({pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED})


class _Listener:
    """Hands the plugin's events on, and keeps its configuration for the end."""

    def __init__(self, writers: Sequence[Writer], shared: Shared | None) -> None:
        self._writers = writers
        self._shared = shared
        self.config: pytest.Config | None = None
        self.started: EnvironmentStarted | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        self.config = config
        if self._shared is not None:
            config.stash[SHARED] = self._shared

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
    listener, said = _Listener(writers, shared), io.StringIO()
    # What pytest prints is of no use here, but for when it cannot run at all.
    with redirect_stdout(said), redirect_stderr(said):
        code = pytest.main(_arguments(options), plugins=[listener])
    config, started = listener.config, listener.started
    if config is not None and (error := config.stash.get(BROKEN, None)) is not None:
        raise error
    if config is None or started is None or code not in RAN:
        raise TrackproofError(
            f"the clauses could not be run (pytest ended with {int(code)})",
            evidence="\n".join(said.getvalue().splitlines()[-30:]),
        )
    ended = VerifyEnded(
        fleet=started.fleet,
        backend=started.backend,
        version=started.version,
        seconds=round(time.monotonic() - began, 3),
        tasks=by_task(config.stash[COLLECTOR].results),
    )
    for writer in writers:
        writer.write(ended)
    return ended


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
    database = ["--database", options.database] if options.database else []
    return [
        str(folder),
        *("-c", os.devnull),
        *("--rootdir", str(folder.parents[1])),
        *("--capture", "no"),
        *("-p", "no:cacheprovider"),
        *("-p", "no:randomly"),
        *("--fleet", options.fleet),
        *("--only", ",".join(options.only)),
        *("--conductor", options.conductor),
        *("--conductor-version", options.version),
        *("--time-scale", str(options.time_scale)),
        *database,
    ]

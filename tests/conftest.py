"""Shared servers for tests: one Conductor a version, one PostgreSQL."""

from __future__ import annotations

import gc
import os
import signal
import ssl
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from trackproof.errors import TestbedError
from trackproof.testbed.conductor import ConductorServer, start_process
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.testbed.database import STARTED, VARIABLE, default_database
from trackproof.testbed.postgres import PostgresServer, start_postgres
from trackproof.verify.run_store import STATE_VARIABLE

WHOLE_RUNS = Path(__file__).parent / "e2e"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=STARTED,
        default=default_database(),
        help="where fleets keep their state, by default TRACKPROOF_DATABASE; "
        "tests of the state itself run on both",
    )


def pytest_configure(config: pytest.Config) -> None:
    kind = config.getoption("--database")
    if kind not in STARTED:
        raise pytest.UsageError(
            f"{VARIABLE}={kind}: tests create their own databases. Hint: {' or '.join(STARTED)}"
        )
    config.stash[CONDUCTORS] = Conductors()
    os.environ[VARIABLE] = kind  # subprocesses use it too
    state = tempfile.TemporaryDirectory(prefix="trackproof-tests-state-")
    os.environ[STATE_VARIABLE] = state.name  # the user's own last run stays
    config.add_cleanup(state.cleanup)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Enable Ctrl-C: a shell's background jobs ignore it, and their children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put end-to-end tests first, and files that share Conductors next to each other."""
    sharing = {item.path for item in items if "conductor_of" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[bool, bool]:
        is_whole_run = item.path.is_relative_to(WHOLE_RUNS)
        return not is_whole_run, (item.path in sharing) is is_whole_run

    items.sort(key=place)  # stable: otherwise the random order stays
    config.stash[SHARING] = sharing


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Exempt the loaded modules from garbage collection: they live as long as the process."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """End shared Conductors after the last file that uses them: idle ones still cost CPU."""
    yield
    config = item.config
    if nextitem is not None and nextitem.path not in config.stash[SHARING]:
        config.stash[CONDUCTORS].end()


class Conductors:
    """One server a version, started on first use."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[str, ConductorServer] = {}

    def of(self, version: str) -> ConductorServer:
        if version not in self._running:
            server = start_process(version, report=lambda _: None)
            self._running[version] = self._stack.enter_context(server)
        return self._running[version]

    def end(self) -> None:
        self._running.clear()
        self._stack.close()


CONDUCTORS = pytest.StashKey[Conductors]()

SHARING = pytest.StashKey[set[Path]]()
"""The files that share Conductors."""


@pytest.fixture(scope="session", autouse=True)
def _trusting_once() -> Iterator[None]:
    """Load the trusted certificates once instead of for each HTTP client (25 ms)."""
    make = cache(lambda _environment, **asked: httpx.create_ssl_context(**asked))

    def made(**asked: Any) -> ssl.SSLContext:
        environment = tuple(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
        context: ssl.SSLContext = make(environment, **asked)
        return context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", made)
        yield


@pytest.fixture(scope="session")
def conductor_of(pytestconfig: pytest.Config) -> Iterator[Callable[[str], ConductorServer]]:
    """Return a function that starts a version's server on first use."""
    conductors = pytestconfig.stash[CONDUCTORS]
    yield conductors.of
    conductors.end()


@pytest.fixture
def conductor(conductor_of: Callable[[str], ConductorServer]) -> ConductorServer:
    """Return a server of the default version."""
    return conductor_of(DEFAULT_VERSION)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """Return a PostgreSQL server; skip if none is installed."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgres())
        except TestbedError as error:
            pytest.skip(f"{error.what}. Hint: {error.hint}")
        yield server


@contextmanager
def new_databases(request: pytest.FixtureRequest, folder: Path) -> Iterator[Callable[[str], str]]:
    """Create empty databases, in `folder` or on the server; they end with the block."""
    with ExitStack() as stack:

        def of(kind: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{folder / 'state.db'}"
            server: PostgresServer = request.getfixturevalue("postgres")
            url = server.new_database()
            stack.callback(server.drop_database, url)
            return url

        yield of


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Return a function that creates an empty database of a kind and returns its URL."""
    with new_databases(request, tmp_path) as of:
        yield of


@pytest.fixture
def database_url(pytestconfig: pytest.Config, new_database: Callable[[str], str]) -> str:
    """Return an empty database of the kind that `--database` names."""
    return new_database(pytestconfig.getoption("--database"))


@pytest.fixture(params=STARTED)
def each_database_url(request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """Return an empty database; the test runs once on each kind."""
    return new_database(request.param)

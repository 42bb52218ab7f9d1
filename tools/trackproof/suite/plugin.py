"""The pytest side of a verification: options, the fixture `harness`, and a verdict a clause.

Loaded by tests/conftest.py. A test names the clauses it proves with
`@pytest.mark.clause("pad_track.offset")`; who wants to know how they end implements the hook
`pytest_trackproof_event`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError
from trackproof.events.stream import Event, Note, Writer
from trackproof.events.verification import EnvironmentStarted
from trackproof.fleet import FleetProfile, load_profile
from trackproof.lab import Testbed
from trackproof.report.kept_failures import KeptFailures
from trackproof.runs.ids import new_seed, use_id_seed
from trackproof.suite.harness import Harness
from trackproof.suite.results import Collector, clauses_of, wanted
from trackproof.suite.session import VerifyOptions, laboratory, names_of, open_harness, places_of
from trackproof.testbed.conductor.versions import DEFAULT_VERSION
from trackproof.testbed.database import kind_of
from trackproof.verify.coverage.watch import Watch

COLLECTOR = pytest.StashKey[Collector]()
BROKEN = pytest.StashKey[TrackproofError]()
"""Why nothing could be judged."""

Shared = tuple[Testbed, FleetProfile]
SHARED = pytest.StashKey[Shared]()
"""A testbed that stands already, and the fleet to start on it."""


HARNESS = pytest.StashKey[Harness]()
"""The harness that all clauses were judged on."""

WATCH = pytest.StashKey[Watch]()
"""Saw every run that ended."""

OUTLASTING = pytest.StashKey[ExitStack]()
"""Ends the laboratory after pytest has ended."""


class Hooks:
    """What this plugin calls."""

    @pytest.hookspec
    def pytest_trackproof_event(self, event: Event) -> None:
        """Take one event of a verification."""


class Listener:
    """Hands every event to one writer."""

    def __init__(self, writer: Writer) -> None:
        """Hand them to `writer`."""
        self._writer = writer

    def pytest_trackproof_event(self, event: Event) -> None:
        """Hand one on."""
        self._writer.write(event)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hook known."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of `trackproof verify`."""
    group = parser.getgroup("trackproof", "a fleet held against its contracts")
    group.addoption("--fleet", default="reference", help="profile of the fleet under test")
    group.addoption("--conductor", default="auto", help="auto, container, process or a URL")
    group.addoption("--conductor-version", default=DEFAULT_VERSION, help="version to start")
    group.addoption("--only", default="", help="task types or clause ids, by comma")
    group.addoption("--time-scale", type=float, default=0.001, help="scale of awaited time-outs")
    group.addoption("--names", default=new_seed(), help="seed of all names, to have them again")
    group.addoption("--failures", default="", help="folder to keep failing clauses in")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known and begin a verdict."""
    config.addinivalue_line("markers", "clause(id, …): the clauses of contracts/ it proves")
    config.addinivalue_line("markers", "late: it waits for what runs beside the other tests")
    options = options_of(config)
    config.stash[COLLECTOR] = Collector(options.fleet, keeps=options.failures is not None)
    if options.failures is not None:
        config.pluginmanager.register(Listener(KeptFailures(options.failures)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not asked for; put clauses last, task by task.

    Last, since each S3 server of a test before would empty that of the testbed.
    """
    only = options_of(config).only
    order = {clause.id: place for place, clause in enumerate(load_contracts().clauses)}
    others = [item for item in items if not clauses_of(item)]
    clause_tests = [item for item in items if clauses_of(item)]
    chosen = [item for item in clause_tests if wanted(clauses_of(item), only)]
    if only:
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        others = []
    chosen.sort(
        key=lambda item: (
            # What only waits for the background comes when all else is done.
            item.get_closest_marker("late") is not None,
            min(order.get(name, len(order)) for name in clauses_of(item)),
        )
    )
    items[:] = [*others, *chosen]
    config.stash[COLLECTOR].expect(chosen)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell of the clauses that begin and end with this test."""
    collector = item.config.stash[COLLECTOR]
    for event in collector.begins(item):
        item.ihook.pytest_trackproof_event(event=event)
    answer = yield
    for event in collector.ends(item):
        item.ihook.pytest_trackproof_event(event=event)
    return answer


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take down how a clause's test went, with the evidence that its harness holds."""
    report = yield
    if clauses_of(item):
        harness = getattr(item, "funcargs", {}).get("harness")
        item.config.stash[COLLECTOR].take(item, call, report, harness)
    return report


@pytest.fixture(scope="session")
def session_harness(pytestconfig: pytest.Config) -> Iterator[Harness]:
    """Return the harness of the one laboratory of this session."""
    with ExitStack() as own:
        stack = pytestconfig.stash.get(OUTLASTING, own)
        try:
            profile, harness = _opened(pytestconfig, stack)
        except TrackproofError as error:
            pytestconfig.stash[BROKEN] = error
            pytest.exit(str(error), returncode=error.exit_code)
        collector = pytestconfig.stash[COLLECTOR]
        collector.deviations = profile.deviations
        pytestconfig.stash[HARNESS] = harness
        # For what is ordered once for many tests; each test has names of its own.
        own.enter_context(use_id_seed(options_of(pytestconfig).names, ""))
        pytestconfig.hook.pytest_trackproof_event(event=_started(pytestconfig, profile, harness))
        harness.trials.begin(
            name.removesuffix(".definition")
            for name in collector.clauses
            if name.endswith(".definition")
        )
        yield harness


def _opened(config: pytest.Config, stack: ExitStack) -> tuple[FleetProfile, Harness]:
    options, tasks = options_of(config), config.stash[COLLECTOR].tasks
    if (shared := config.stash.get(SHARED, None)) is not None:
        testbed, profile = shared
        started = open_harness(testbed, profile, tasks, time_scale=options.time_scale)
    else:
        profile = load_profile(options.fleet)
        tell = config.hook.pytest_trackproof_event
        started = laboratory(profile, options, tasks, report=lambda line: tell(event=Note(line)))
    harness = stack.enter_context(started)
    watch = config.stash[WATCH] = Watch()
    watchers = harness.testbed.rest.watchers
    watchers.append(watch.see)
    stack.callback(watchers.remove, watch.see)
    return profile, harness


def _started(config: pytest.Config, profile: FleetProfile, harness: Harness) -> EnvironmentStarted:
    options, testbed = options_of(config), harness.testbed
    return EnvironmentStarted(
        fleet=profile.name,
        profile=options.fleet,
        backend=testbed.conductor.backend,
        version=testbed.conductor.version,
        database=kind_of(testbed.database_url),
        time_scale=options.time_scale,
        names=options.names,
        places=places_of(testbed),
        clauses=config.stash[COLLECTOR].clauses,
    )


@pytest.fixture
def harness(session_harness: Harness, request: pytest.FixtureRequest) -> Iterator[Harness]:
    """Return the harness, without anything of the test before."""
    session_harness.fresh()
    with use_id_seed(request.config.getoption("--names"), request.node.nodeid):
        yield session_harness
    session_harness.mend()


def options_of(config: pytest.Config) -> VerifyOptions:
    """Return what was asked for on pytest's command line."""
    return VerifyOptions(
        fleet=config.getoption("--fleet"),
        only=names_of(config.getoption("--only")),
        conductor=config.getoption("--conductor"),
        version=config.getoption("--conductor-version"),
        time_scale=config.getoption("--time-scale"),
        names=config.getoption("--names"),
        failures=Path(folder) if (folder := config.getoption("--failures")) else None,
    )

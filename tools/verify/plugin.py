"""The pytest side of a verification: options, the fixture `bench`, and a verdict a clause.

Loaded by tests/conftest.py. A test names the clauses it proves with
`@pytest.mark.clause("pad_track.offset")`; who wants to know how they end implements the hook
`pytest_trackproof_event`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from contracts.load import load_contracts
from tools.errors import TrackproofError
from tools.testbed.conductor.versions import DEFAULT_VERSION
from tools.testbed.fleet import FleetProfile, load_profile
from tools.testbed.testbed import Testbed
from tools.verify.bench import Bench
from tools.verify.collecting import Collector, clauses_of, wanted
from tools.verify.events import EnvironmentStarted, Event, Note
from tools.verify.laboratory import VerifyOptions, bench_of, laboratory

COLLECTOR = pytest.StashKey[Collector]()
BROKEN = pytest.StashKey[TrackproofError]()
"""Why nothing could be judged."""

Shared = tuple[Testbed, FleetProfile]
SHARED = pytest.StashKey[Shared]()
"""A testbed that stands already, and the fleet to start on it."""


class Hooks:
    """What this plugin calls."""

    @pytest.hookspec
    def pytest_trackproof_event(self, event: Event) -> None:
        """Take one event of a verification."""


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


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known and begin a verdict."""
    config.addinivalue_line("markers", "clause(id, …): the clauses of contracts/ it proves")
    config.stash[COLLECTOR] = Collector(config.getoption("--fleet"))


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
    chosen.sort(key=lambda item: min(order.get(name, len(order)) for name in clauses_of(item)))
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
    """Take down how a clause's test went, with the evidence that its bench holds."""
    report = yield
    if clauses_of(item):
        bench = getattr(item, "funcargs", {}).get("bench")
        item.config.stash[COLLECTOR].take(item, call, report, bench)
    return report


@pytest.fixture(scope="session")
def laboratory_bench(pytestconfig: pytest.Config) -> Iterator[Bench]:
    """Return the bench of the one laboratory of this session."""
    collector = pytestconfig.stash[COLLECTOR]
    tell = pytestconfig.hook.pytest_trackproof_event
    try:
        options = options_of(pytestconfig)
        if (shared := pytestconfig.stash.get(SHARED, None)) is not None:
            testbed, profile = shared
            started = bench_of(testbed, profile, collector.tasks, time_scale=options.time_scale)
        else:
            profile = load_profile(options.fleet)
            started = laboratory(
                profile, options, collector.tasks, report=lambda line: tell(event=Note(line))
            )
        collector.deviations = profile.deviations
        bench = started.__enter__()
    except TrackproofError as error:
        pytestconfig.stash[BROKEN] = error
        pytest.exit(str(error), returncode=error.exit_code)
    try:
        server = bench.testbed.conductor
        collector.started = EnvironmentStarted(
            fleet=profile.name,
            backend=server.backend,
            version=server.version,
            places={"conductor": server.api_url, "s3": bench.testbed.s3.endpoint}
            | dict(bench.testbed.served.urls),
            clauses=collector.clauses,
        )
        tell(event=collector.started)
        bench.trials.begin(
            name.removesuffix(".definition")
            for name in collector.clauses
            if name.endswith(".definition")
        )
        yield bench
    finally:
        started.__exit__(None, None, None)


@pytest.fixture
def bench(laboratory_bench: Bench) -> Iterator[Bench]:
    """Return the bench, without anything of the test before."""
    laboratory_bench.fresh()
    yield laboratory_bench
    laboratory_bench.mend()


def options_of(config: pytest.Config) -> VerifyOptions:
    """Return what was asked for on pytest's command line."""
    return VerifyOptions(
        fleet=config.getoption("--fleet"),
        only=tuple(name for name in config.getoption("--only").split(",") if name),
        conductor=config.getoption("--conductor"),
        version=config.getoption("--conductor-version"),
        time_scale=config.getoption("--time-scale"),
    )

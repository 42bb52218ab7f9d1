"""The pytest plugin of one verification: the fixture `harness`, and a verdict on each clause.

A test names the clauses it proves with `@pytest.mark.clause("pad_track.offset")`. Whoever follows
a verification implements the hook `pytest_trackproof_event`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError, UsageError
from trackproof.events.shards import Shard, split
from trackproof.events.stream import Event, Note
from trackproof.events.verification import ClauseFinished, EnvironmentStarted
from trackproof.runs.ids import new_seed, use_id_seed
from trackproof.suite import session_fixture
from trackproof.suite.harness import Harness
from trackproof.suite.options import VerifyOptions
from trackproof.suite.results import ClauseResults, case_id, clauses_of, is_selected, tasks_of
from trackproof.suite.run_rules import EVERY_RUN
from trackproof.suite.session import Report, Session, addresses
from trackproof.testbed.database import kind_of

CLAUSES = Path(__file__).parent / "clauses"
"""The folder of the suite's tests."""

HAS_FAILED = pytest.StashKey[bool]()
"""Whether a test has failed or was skipped."""

Opener = Callable[[Sequence[str], Report], AbstractContextManager[Session]]
"""Starts the environment for the given task types."""


class ClauseHooks:
    """The hooks that a verification calls."""

    @pytest.hookspec
    def pytest_trackproof_event(self, event: Event) -> None:
        """Take one event of a verification."""


class ClauseSuite:
    """Selects and orders the clause tests, opens one session for them, collects the results."""

    def __init__(self, options: VerifyOptions, open_session: Opener) -> None:
        """Prepare a verification; nothing starts before the first test.

        Args:
            options: What is judged, and how.
            open_session: Starts the environment; its block ends after the last test.
        """
        self.options = replace(options, id_seed=options.id_seed or new_seed())
        self.results = ClauseResults(options)
        self.session: Session | None = None
        """The environment, once it has started."""
        self.error: TrackproofError | None = None
        """Why the environment did not start."""
        self.shard: Shard | None = None
        """The shard with its tasks, once the tests are collected."""
        self._open_session = open_session

    def pytest_addhooks(self, pluginmanager: pytest.PytestPluginManager) -> None:
        """Declare the hooks."""
        pluginmanager.add_hookspecs(ClauseHooks)

    def pytest_configure(self, config: pytest.Config) -> None:
        """Declare the markers."""
        config.addinivalue_line("markers", "clause(id, …): the clauses that the test proves")
        config.addinivalue_line("markers", "tasks(type, …): the task types of a pipeline clause")
        config.addinivalue_line("markers", "one_of(type, …): task types of which any will do")
        config.addinivalue_line(
            "markers", "late(phase=1): 1 runs beside background work, 2 waits for it, 3 follows it"
        )
        config.stash[session_fixture.OPENER] = self.opened_harness
        config.pluginmanager.register(session_fixture)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Deselect what `only` does not name; order clause tests by task, after all others.

        After all others, because an S3 server that another test starts in this process empties
        the one of the testbed: moto keeps its objects in one place.
        """
        only, serves = self.options.only, self.options.serves
        order = {clause.id: place for place, clause in enumerate(load_contracts().clauses)}
        others = [item for item in items if not clauses_of(item)]
        clause_tests = [item for item in items if clauses_of(item)]
        chosen = [
            item
            for item in clause_tests
            if is_selected(clauses_of(item), only)
            and (not serves or tasks_of(item, serves) <= set(serves))
        ]
        if only or serves:
            left_out = [item for item in clause_tests if item not in chosen]
            config.hook.pytest_deselected(items=[*left_out, *(others if only else [])])
        if only and serves and not chosen:
            self._stop(
                f"the fleet serves no task type that {', '.join(only)} needs",
                hint=f"it serves {', '.join(serves)}: see `serves` in its profile",
            )
        if self.options.shard is not None:
            chosen, others = self._of_shard(chosen, self.options.shard), []
        if only:
            others = []
        chosen.sort(
            key=lambda item: (
                late_phase(item),
                min(order.get(name, len(order)) for name in clauses_of(item)),
            )
        )
        items[:] = [*others, *chosen]
        self.results.expect(chosen)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Emit the clauses that begin and end with this test."""
        for event in self.results.begin(item):
            item.ihook.pytest_trackproof_event(event=event)
        result = yield
        for event in self.results.end(item):
            item.ihook.pytest_trackproof_event(event=event)
            failed = isinstance(event, ClauseFinished) and not event.result.accepted
            if failed and self.options.exit_first:
                item.session.shouldfail = "stopped after the first failed clause"
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record how a clause's test went, with the evidence that its harness holds."""
        report = yield
        item.stash[HAS_FAILED] = item.stash.get(HAS_FAILED, False) or not report.passed
        if clauses_of(item):
            harness = getattr(item, "funcargs", {}).get("harness")
            self.results.record(item, call, report, harness)
        return report

    @contextmanager
    def opened_harness(self, config: pytest.Config) -> Iterator[Harness]:
        """Open the one session that all tests share, and return its harness."""
        emit = config.hook.pytest_trackproof_event
        with ExitStack() as stack:
            try:
                session = stack.enter_context(
                    self._open_session(self.results.tasks, lambda line: emit(event=Note(line)))
                )
            except TrackproofError as error:
                self.error = error
                pytest.exit(str(error), returncode=error.exit_code)
            # For what is prepared once for many tests; each test has ids of its own.
            stack.enter_context(use_id_seed(self.options.id_seed, ""))
            self.session = session
            self.results.deviations = session.profile.deviations
            self.results.not_visible = session.not_visible
            emit(event=self._started(session))
            session.harness.trials.begin(
                name.removesuffix(".definition")
                for name in self.results.clauses
                if name.endswith(".definition")
            )
            yield session.harness

    @pytest.fixture
    def harness(
        self, session_harness: Harness, request: pytest.FixtureRequest
    ) -> Iterator[Harness]:
        """Return the harness, with no fault and no evidence of an earlier test."""
        session_harness.reset()
        with use_id_seed(self.options.id_seed, case_id(request.node)):
            yield session_harness
        try:
            session_harness.check_faults()
        finally:
            session_harness.clear_faults()
            session_harness.record_leaks(request.node.name)
            if not request.node.stash.get(HAS_FAILED, False):  # its own clause reports a failure
                self._record_broken_rules(session_harness, request.node)

    def _record_broken_rules(self, harness: Harness, item: pytest.Item) -> None:
        for task in harness.record_broken_rules(item.name, alone=late_phase(item) != 1):
            self.results.add_related(f"{task}.{EVERY_RUN}", clauses_of(item))

    def _of_shard(self, items: list[pytest.Item], shard: Shard) -> list[pytest.Item]:
        """Return the tests of the shard's tasks; the number of tests is a task's weight."""
        tasks = [clauses_of(item)[0].partition(".")[0] for item in items]
        weights = {task: float(tasks.count(task)) for task in dict.fromkeys(sorted(tasks))}
        self.shard = replace(shard, tasks=split(weights, shard.count))
        if not self.shard.own_tasks:
            self._stop(
                f"--shard {shard} has nothing to judge: {len(weights)} tasks are selected",
                hint=f"use at most {len(weights)} shards",
            )
        return [
            item for item, task in zip(items, tasks, strict=True) if task in self.shard.own_tasks
        ]

    def _stop(self, what: str, *, hint: str) -> NoReturn:
        """End the collection: there is nothing to judge."""
        self.error = UsageError(what, hint=hint)
        pytest.exit(str(self.error), returncode=self.error.exit_code)

    def _started(self, session: Session) -> EnvironmentStarted:
        testbed = session.harness.testbed
        return EnvironmentStarted(
            fleet=session.profile.name,
            profile=self.options.fleet,
            backend=testbed.conductor.backend,
            version=testbed.conductor.version,
            database=kind_of(session.harness.fleet.database_url),
            time_scale=self.options.time_scale,
            id_seed=self.options.id_seed,
            addresses=addresses(testbed, session.harness.fleet.database_url),
            clauses=self.results.clauses,
        )


def late_phase(item: pytest.Item) -> int:
    """Return the phase of a test's `late` marker; 0 without one."""
    marker = item.get_closest_marker("late")
    return 0 if marker is None else int(marker.args[0]) if marker.args else 1

"""Fixtures that many clauses share: whole meetings, run side by side once, and background work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from trackproof.contracts.load import load_contracts
from trackproof.runs.pipeline_run import PipelineRun
from trackproof.runs.task_run import StoredObject
from trackproof.runs.unavailable import PARTS, NotVisible
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.clauses.background_work import BackgroundWork
from trackproof.suite.clauses.meetings import prepare_meetings
from trackproof.suite.clauses.storage import stored_objects, unfinished_uploads
from trackproof.suite.harness import Harness
from trackproof.suite.pipelines import CheckedRun, expect_registered, run_meetings
from trackproof.suite.product.stages import product_trial
from trackproof.suite.product.trial import ProductTrial
from trackproof.suite.results import clauses_of


@dataclass(frozen=True, slots=True)
class StoredByMeetings:
    """What the meetings changed in S3."""

    before: frozenset[StoredObject]
    """The objects before the meetings, without those that they begin with."""
    after: frozenset[StoredObject]
    unfinished: list[str]
    """Uploads that were begun and not ended."""


@pytest.fixture(scope="session")
def meetings_and_objects(
    session_harness: Harness,
) -> tuple[dict[str, PipelineRun], StoredByMeetings]:
    """Run all meetings concurrently."""
    session_harness.reset()
    before = stored_objects(session_harness)
    runs = run_meetings(session_harness, prepare_meetings(session_harness))
    stored = StoredByMeetings(
        before, stored_objects(session_harness), unfinished_uploads(session_harness)
    )
    return runs, stored


@pytest.fixture(scope="session")
def background_work(
    session_harness: Harness, request: pytest.FixtureRequest
) -> Iterator[BackgroundWork]:
    """Start the work that runs beside the late tests."""
    judged = frozenset(str(name) for item in request.session.items for name in clauses_of(item))
    work = BackgroundWork(session_harness, judged)
    yield work
    work.close()


@pytest.fixture(autouse=True)
def started_background_work(request: pytest.FixtureRequest) -> None:
    """Start it with the first late test, whichever that is."""
    if request.node.get_closest_marker("late") is not None:
        request.getfixturevalue("background_work")


@pytest.fixture(scope="session")
def runs(
    meetings_and_objects: tuple[dict[str, PipelineRun], StoredByMeetings],
) -> dict[str, PipelineRun]:
    """Return the run of each meeting by name."""
    return meetings_and_objects[0]


@pytest.fixture(scope="session")
def stored_by_meetings(
    meetings_and_objects: tuple[dict[str, PipelineRun], StoredByMeetings],
) -> StoredByMeetings:
    return meetings_and_objects[1]


@pytest.fixture(scope="session")
def checked_runs(runs: dict[str, PipelineRun]) -> dict[str, CheckedRun]:
    return {name: CheckedRun(run) for name, run in runs.items()}


@pytest.fixture
def run(meeting: str, runs: dict[str, PipelineRun], harness: Harness) -> PipelineRun:
    """Return the run of one meeting, recorded as evidence of the current test."""
    harness.runs.append(runs[meeting].as_task_run())
    return runs[meeting]


@pytest.fixture
def checks(meeting: str, run: PipelineRun, checked_runs: dict[str, CheckedRun]) -> CheckedRun:
    """Return the checks of one meeting, with its run as evidence."""
    return checked_runs[meeting]


@pytest.fixture
def workflow(harness: Harness) -> Mapping[str, Any]:
    """Return the workflow definition from the server."""
    name = load_contracts().workflow["name"]
    definition = harness.testbed.rest.workflow_definition(name)
    if definition is None:
        expect_registered(harness)
        raise ClauseViolation(name, "not registered", "workflow")
    return definition


@pytest.fixture(scope="session")
def trial(session_harness: Harness, request: pytest.FixtureRequest) -> Iterator[ProductTrial]:
    """Run recordings through the product's trigger once, for all clauses about it."""
    trigger = session_harness.fleet.profile.trigger
    if trigger is None:
        raise NotVisible("trigger", PARTS["trigger"])
    if session_harness.fleet.traffic is None:
        what = "its requests to Conductor: `command` or `container` and a server nearby over HTTP"
        raise NotVisible("traffic", what)
    session_harness.reset()
    expect_registered(session_harness)
    clauses = {name for item in request.session.items for name in clauses_of(item)}
    with product_trial(session_harness, trigger, clauses) as finished:
        yield finished

"""Several meetings through the pipeline at once, and their checks as clause assertions."""

from __future__ import annotations

from collections.abc import Mapping

from trackproof.checks import judge
from trackproof.contracts.load import load_contracts
from trackproof.events.runs import Check
from trackproof.runs.limits import pipeline_limit
from trackproof.runs.pipeline_run import Mark, PipelineRun, follow_meetings, start_run
from trackproof.runs.scenario import Scenario
from trackproof.runs.unavailable import PARTS, NotVisible
from trackproof.suite.assertions import ClauseViolation
from trackproof.suite.harness import Harness
from trackproof.testbed.conductor.rest import ConductorRefusalError


class CheckedRun:
    """A pipeline run and its checks, which are evaluated once."""

    def __init__(self, run: PipelineRun) -> None:
        """Check nothing yet."""
        self._run = run
        self._checks: dict[str, Check] = {}

    def expect(self, *ids: str) -> None:
        """Raise a ClauseViolation unless these checks pass (see `trackproof.checks`).

        Raises:
            NotVisible: A check needs data that the fleet's profile does not expose.
        """
        if not self._checks:
            self._checks.update((check.id, check) for check in judge(self._run.evidence))
        for check in (self._checks[name] for name in ids):
            if check.not_visible:
                raise NotVisible(check.not_visible, PARTS[check.not_visible])
            if not check.passed:
                raise ClauseViolation(f"{check.id} holds", check.detail, self._run.name)


def expect_registered(harness: Harness) -> None:
    """Raise a ClauseViolation with the server's answer if it refused the fleet's definitions."""
    if (refusal := harness.registration_error) is not None:
        seen = f"{refusal.what}: {refusal.evidence}" if refusal.evidence else refusal.what
        # `from`: clauses that fail for one refusal are reported once.
        raise ClauseViolation(
            "the fleet's definitions are registered", seen, "registration"
        ) from refusal


def run_meetings(harness: Harness, meetings: Mapping[str, Scenario]) -> dict[str, PipelineRun]:
    """Start a run for each meeting and follow all to their ends.

    Side by side, because a fleet serves many meetings at once: mixed-up data shows.

    Args:
        harness: Where the meetings were prepared.
        meetings: The meetings by name.

    Raises:
        ClauseViolation: The registered workflow cannot be started.
        DeadlineError: A run did not end in time.
        FleetError: The fleet died.
    """
    testbed, fleet = harness.testbed, harness.fleet
    since = Mark.now(testbed, fleet)
    expect_registered(harness)
    for meeting in meetings.values():
        fleet.watch(meeting.transcript_id)
    try:
        ids = {name: start_run(testbed, meeting) for name, meeting in meetings.items()}
    except ConductorRefusalError as error:
        name = load_contracts().workflow["name"]
        raise ClauseViolation(f"{name} starts", f"{error.what}: {error.evidence}") from error
    workflow = load_contracts().workflow
    registered = testbed.rest.workflow_definition(workflow["name"], workflow["version"])
    seconds = pipeline_limit(
        fleet.profile.limits, registered or workflow, harness.task_runner.definitions
    )
    return follow_meetings(testbed, fleet, meetings, ids, since=since, seconds=seconds)

"""Clauses of contracts/pipeline.yaml: what a fleet does after SIGTERM."""

from __future__ import annotations

import pytest

from trackproof.suite.assertions import expect
from trackproof.suite.clauses.shutdown import TASKS, Shutdown, shut_down
from trackproof.suite.harness import Harness
from trackproof.suite.results import chosen_task

pytestmark = [pytest.mark.late(3), pytest.mark.one_of(*TASKS)]


@pytest.fixture(scope="module")
def shutdown(session_harness: Harness) -> Shutdown:
    """End the fleet once for all tests of this module, and start it again."""
    session_harness.reset()
    return shut_down(session_harness, chosen_task(TASKS, session_harness.fleet.profile.serves))


@pytest.mark.clause("pipeline.drain")
def test_running_tasks_are_finished_or_handed_back(
    shutdown: Shutdown,
    harness: Harness,
) -> None:
    count = shutdown.running
    expect(count, "tasks that the fleet held at SIGTERM").holds(count > 0, "at least one")
    abandoned = [task.task_type for task in shutdown.abandoned]
    expect(abandoned, "tasks that were taken and left without a result").equals([])


@pytest.mark.clause("pipeline.drain")
def test_no_task_is_taken_after_sigterm(
    shutdown: Shutdown,
    harness: Harness,
) -> None:
    expect([task.task_type for task in shutdown.taken_late], "tasks taken after SIGTERM").equals([])


@pytest.mark.clause("pipeline.drain")
def test_fleet_exits_within_the_response_timeout(
    shutdown: Shutdown,
    harness: Harness,
) -> None:
    expect(shutdown.seconds, "seconds from SIGTERM to the exit").holds(
        shutdown.seconds is not None, f"at most {shutdown.limit_seconds:g}"
    )


@pytest.mark.clause("pipeline.orphans")
def test_no_process_polls_after_the_exit(
    shutdown: Shutdown,
    harness: Harness,
) -> None:
    expect(shutdown.seconds, "seconds from SIGTERM to the exit").is_filled()
    expect(shutdown.orphan_polls, "polls after the exit").equals(0)

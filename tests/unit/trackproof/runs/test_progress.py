from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from trackproof.contracts.load import Step
from trackproof.events.steps import StepState
from trackproof.runs.progress import forgone_retries, step_states

PLAIN = Step(1, "mixdown_tracks", "mixdown_tracks", dynamic=False, optional=False)
FORKED = Step(2, "fork_track_padding", "pad_track", dynamic=True, optional=False)
FORK = {"referenceTaskName": "fork_track_padding", "taskDefName": "FORK", "status": "COMPLETED"}
NOW = 110.0


def task(
    reference: str, status: str, started: float = 0, ended: float = 0, reason: str | None = None
) -> dict[str, Any]:
    """Return a task as Conductor's API has it: times in ms, 0 for none."""
    return {
        "referenceTaskName": reference,
        "taskDefName": "pad_track" if reference.startswith("pad_track") else reference,
        "status": status,
        "startTime": started * 1000,
        "endTime": ended * 1000,
        "reasonForIncompletion": reason,
    }


def state(step: Step, *tasks: Mapping[str, Any]) -> StepState:
    (only,) = step_states([step], {"tasks": tasks}, NOW)
    return only


def test_a_step_that_was_never_scheduled_is_pending() -> None:
    assert state(PLAIN, task("another", "COMPLETED", 1, 2)) == StepState(
        "mixdown_tracks", "PENDING", 0, None, 0.0, 0, 0, ""
    )
    assert state(PLAIN).ended_at is None


def test_a_scheduled_step_has_not_begun() -> None:
    seen = state(PLAIN, task("mixdown_tracks", "SCHEDULED"))

    assert (seen.status, seen.attempts, seen.started_at, seen.seconds) == ("SCHEDULED", 1, None, 0)


def test_a_running_step_lasts_until_now() -> None:
    seen = state(PLAIN, task("mixdown_tracks", "IN_PROGRESS", 100))

    assert (seen.status, seen.started_at, seen.seconds) == ("IN_PROGRESS", 100, 10)
    assert seen.ended_at == NOW


def test_a_completed_step_lasts_from_its_start_to_its_end() -> None:
    seen = state(PLAIN, task("mixdown_tracks", "COMPLETED", 100, 101.25))

    assert (seen.status, seen.seconds, seen.ended_at) == ("COMPLETED", 1.25, 101.25)
    assert (seen.branches, seen.branches_done) == (0, 0)


def test_a_retried_step_counts_its_attempts_and_keeps_the_reason() -> None:
    seen = state(
        PLAIN,
        task("mixdown_tracks", "FAILED", 100, 101, reason="Modal answered 503"),
        task("mixdown_tracks", "COMPLETED", 103, 104),
    )

    assert (seen.status, seen.attempts, seen.seconds) == ("COMPLETED", 2, 4)
    assert seen.reason == "Modal answered 503"


def test_a_step_that_waits_for_its_next_try_runs_on() -> None:
    seen = state(
        PLAIN,
        task("mixdown_tracks", "FAILED", 100, 101, reason="first"),
        task("mixdown_tracks", "FAILED", 102, 103, reason="second"),
        task("mixdown_tracks", "SCHEDULED"),
    )

    assert (seen.status, seen.attempts, seen.seconds) == ("SCHEDULED", 3, 10)
    assert seen.reason == "second"


@pytest.mark.parametrize(
    "status", ["FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT", "COMPLETED_WITH_ERRORS"]
)
def test_a_step_that_did_not_end_well_keeps_its_status(status: str) -> None:
    seen = state(PLAIN, task("mixdown_tracks", status, 100, 101, reason="why"))

    assert (seen.status, seen.reason, seen.seconds) == (status, "why", 1)


def test_a_fork_is_one_step_named_for_what_it_forks_into() -> None:
    seen = state(
        FORKED,
        FORK,
        task("pad_track_0", "COMPLETED", 100, 102),
        task("pad_track_1", "COMPLETED", 101, 105),
    )

    assert seen == StepState("pad_track", "COMPLETED", 2, 100, 5, 2, 2, "")


@pytest.mark.parametrize(
    ("statuses", "together", "done"),
    [
        (["SCHEDULED", "SCHEDULED"], "SCHEDULED", 0),
        (["IN_PROGRESS", "SCHEDULED"], "IN_PROGRESS", 0),
        (["COMPLETED", "SCHEDULED"], "IN_PROGRESS", 1),
        (["COMPLETED", "IN_PROGRESS"], "IN_PROGRESS", 1),
        (["COMPLETED", "FAILED"], "FAILED", 1),
        (["FAILED", "IN_PROGRESS"], "FAILED", 0),
        (["CANCELED", "COMPLETED", "FAILED_WITH_TERMINAL_ERROR"], "FAILED_WITH_TERMINAL_ERROR", 1),
        (["CANCELED", "TIMED_OUT"], "TIMED_OUT", 0),
        (["COMPLETED", "CANCELED"], "CANCELED", 1),
        (["COMPLETED", "COMPLETED_WITH_ERRORS"], "COMPLETED_WITH_ERRORS", 1),
    ],
)
def test_branches_have_one_status_together(statuses: list[str], together: str, done: int) -> None:
    branches = [task(f"pad_track_{index}", status) for index, status in enumerate(statuses)]

    seen = state(FORKED, FORK, *branches)

    assert (seen.status, seen.branches_done, seen.branches) == (together, done, len(statuses))


def test_a_retried_branch_is_still_one_branch() -> None:
    seen = state(
        FORKED,
        FORK,
        task("pad_track_0", "FAILED", 100, 101, reason="no space"),
        task("pad_track_1", "COMPLETED", 100, 101),
        task("pad_track_0", "COMPLETED", 102, 103),
    )

    assert (seen.status, seen.attempts, seen.branches, seen.branches_done) == ("COMPLETED", 3, 2, 2)
    assert seen.seconds == 3


def test_a_fork_over_no_tracks_is_done() -> None:
    seen = state(FORKED, FORK)

    assert seen == StepState("pad_track", "COMPLETED", 0, None, 0.0, 0, 0, "")


def test_a_fork_that_was_never_reached_is_pending() -> None:
    assert state(FORKED).status == "PENDING"


def test_steps_come_in_the_order_of_the_pipeline() -> None:
    tasks = [task("pad_track_0", "COMPLETED", 1, 2), task("mixdown_tracks", "COMPLETED", 3, 4)]

    states = step_states([FORKED, PLAIN], {"tasks": tasks[::-1]}, NOW)

    assert [seen.name for seen in states] == ["pad_track", "mixdown_tracks"]


def branch(name: str, status: str, *, retry: int = 0, tries: int | None = 3) -> dict[str, Any]:
    definition = None if tries is None else {"retryCount": tries}
    more = {"retryCount": retry, "workflowTask": {"taskDefinition": definition}}
    return {**task(name, status), **more}


def join(status: str, *on: str) -> dict[str, Any]:
    return {**task("join", status), "taskType": "JOIN", "inputData": {"joinOn": list(on)}}


@pytest.mark.parametrize(
    ("tasks", "forgone"),
    [
        ([branch("a", "CANCELED"), branch("b", "FAILED")], ["b"]),
        ([branch("b", "FAILED"), branch("b", "CANCELED", retry=1)], ["b"]),
        ([branch("a", "TIMED_OUT"), branch("b", "FAILED", retry=2)], ["a", "b"]),
        ([branch("a", "COMPLETED"), branch("b", "FAILED", retry=3)], []),
        ([branch("b", "FAILED"), branch("b", "FAILED", retry=3)], []),
        ([branch("b", "FAILED"), branch("b", "SCHEDULED", retry=1)], []),
        ([branch("a", "FAILED_WITH_TERMINAL_ERROR"), branch("b", "FAILED")], []),
        ([branch("b", "FAILED", tries=0)], []),
        ([branch("b", "FAILED", tries=None)], []),
        ([branch("elsewhere", "FAILED")], []),
    ],
)
def test_a_join_that_failed_forgoes_the_retries_that_were_left(
    tasks: list[dict[str, Any]], forgone: list[str]
) -> None:
    assert forgone_retries({"tasks": [*tasks, join("FAILED", "a", "b")]}) == forgone
    assert forgone_retries({"tasks": [*tasks, join("CANCELED", "a", "b")]}) == []

"""A dead fleet ends a run at once, unless a fault or a person may have ended it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trackproof.errors import FleetError, TestbedError
from trackproof.scenarios import find_scenario
from trackproof.verify import follower as module
from trackproof.verify.follower import Follower


class Dead:
    def check_alive(self) -> None:
        raise FleetError("the fleet died")


def follower(scenario: str, *, by_hand: bool = False, decided: list[str] | None = None) -> Follower:
    def decide(workflow_id: str) -> None:
        if decided is None:
            raise TestbedError("the server stands still")
        decided.append(workflow_id)

    testbed: Any = SimpleNamespace(rest=SimpleNamespace(decide=decide))
    fleet: Any = Dead()
    progress: Any = SimpleNamespace(poll=lambda _: None)
    return Follower(
        testbed, fleet, find_scenario(scenario), progress, lambda _: None, by_hand=by_hand
    )


def test_a_fleet_that_dies_by_itself_ends_the_run() -> None:
    with pytest.raises(FleetError):
        follower("three-tracks").check_alive()


@pytest.mark.parametrize(("scenario", "by_hand"), [("worker-killed", False), ("one-track", True)])
def test_a_killed_fleet_has_time_to_start_again(
    scenario: str, by_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = follower(scenario, by_hand=by_hand)

    patient.check_alive()

    monkeypatch.setattr(module, "DEAD_SECONDS", -1.0)
    with pytest.raises(FleetError):
        patient.check_alive()


def test_time_outs_are_evaluated_only_where_something_may_be_silent() -> None:
    decided: list[str] = []
    workflow = {"workflowId": "w", "status": "RUNNING"}

    follower("daily-429", decided=decided).poll(workflow)
    assert decided == []
    follower("worker-killed", decided=decided).poll(workflow)
    assert decided == ["w"]
    follower("conductor-paused").poll(workflow)  # its server does not answer now

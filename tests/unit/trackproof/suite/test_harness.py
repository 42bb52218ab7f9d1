"""A test whose faults no request met proves nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from trackproof.runs.unavailable import NotVisible
from trackproof.suite.harness import Harness, VacuousTestError
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.testbed.stand_ins.faults import Faults


@pytest.fixture
def harness() -> Harness:
    """Return a harness that has faults and nothing else."""
    stand_ins = SimpleNamespace(faults=Faults(frozenset({"daily"})))
    s3 = SimpleNamespace(faults=Faults(frozenset({"s3"})))
    bare: Any = object.__new__(Harness)
    bare.fleet = SimpleNamespace(
        traffic=Traffic(), translator=SimpleNamespace(task_to_fleet=str.title)
    )
    bare.testbed = SimpleNamespace(stand_ins=stand_ins, s3=s3)
    return cast("Harness", bare)


def test_a_test_without_faults_is_not_vacuous(harness: Harness) -> None:
    harness.check_faults()


def test_an_unmet_fault_is_reported_with_its_requests(harness: Harness) -> None:
    harness.break_service("daily", path="/recordings/*", status=503, times=1)

    with pytest.raises(VacuousTestError, match="no request of the fleet met") as caught:
        harness.check_faults()

    assert caught.value.evidence == "daily /recordings/*: times 1, status 503"


def test_one_met_fault_of_several_is_enough(harness: Harness) -> None:
    harness.break_service("daily", status=503)
    harness.break_service("s3", drop=True)
    harness.testbed.stand_ins.faults.take("daily", "GET", "/recordings/1")

    harness.check_faults()


def test_an_update_that_no_result_met_is_vacuous(harness: Harness) -> None:
    harness.break_update("finalize", "reset")

    with pytest.raises(VacuousTestError) as caught:
        harness.check_faults()

    assert caught.value.evidence == "reset of a result of Finalize"
    harness.clear_faults()
    harness.check_faults()


def test_updates_of_an_unwatched_fleet_cannot_be_broken(harness: Harness) -> None:
    harness.fleet.traffic = None

    with pytest.raises(NotVisible) as caught:
        harness.break_update("finalize", "reset")

    assert caught.value.part == "traffic"

"""Every shipped scenario holds for the reference fleet, on warm testbeds."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackproof.console.desk import Desk
from trackproof.console.warm_bench import Where
from trackproof.fleet import load_profile
from trackproof.scenarios import ScenarioFile, list_scenarios
from trackproof.scenarios.fault_plan import needs_proxies
from trackproof.wait import wait_until

pytestmark = [pytest.mark.nightly, pytest.mark.conductor, pytest.mark.timeout(900)]

RUN_SECONDS = 600.0


def bench_of(scenario: ScenarioFile) -> tuple[bool, int, bool]:
    table = scenario.conductor
    return table.durable, table.response_seconds or 0, needs_proxies(scenario.faults)


SCENARIOS = sorted(list_scenarios(Path("none")), key=bench_of)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(Where("process"), load_profile, tmp_path_factory.mktemp("meetings"))
    desk.start()
    yield desk
    desk.close()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_a_shipped_scenario_holds(desk: Desk, scenario: ScenarioFile) -> None:
    if scenario.conductor.durable and shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")

    job = desk.add(scenario, "reference")
    wait_until(lambda: job.live.state == "ended", what=scenario.name, timeout=RUN_SECONDS)

    ended = job.folder.record.run
    assert ended is not None
    assert [f"{check.id}: {check.detail}" for check in ended.failed_checks] == []
    assert ended.interrupted == ""

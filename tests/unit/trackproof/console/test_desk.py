"""The queue: one run after another on one warm testbed; whatever fails ends its run alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trackproof.console import desk as module
from trackproof.console import warm_bench
from trackproof.console.desk import Desk, Job
from trackproof.console.warm_bench import Where
from trackproof.errors import TestbedError, UsageError
from trackproof.fleet import REFERENCE
from trackproof.scenarios import ScenarioFile, find_scenario
from trackproof.scenarios.meeting import make_scenario_meeting
from trackproof.verify.run_progress import RunProgress
from trackproof.wait import wait_until


class Benches:
    """Stands for the real bench; records what was opened, run and closed."""

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.failing: set[str] = set()
        self.bench: Any = SimpleNamespace(
            testbed=SimpleNamespace(conductor=SimpleNamespace(check_alive=lambda: None)),
            fleet=SimpleNamespace(check_alive=lambda: None, log=lambda: ""),
            run=self.run,
            make_meeting=lambda scenario: make_scenario_meeting(scenario.meeting),
            retry=self.retry,
        )

    @contextmanager
    def opened(
        self, _profile: object, where: Where, scenario: ScenarioFile, *_: object, **__: object
    ) -> Iterator[Any]:
        if f"open {scenario.name}" in self.failing:
            raise TestbedError("no Conductor")
        self.acts.append(f"open {where.conductor}")
        try:
            yield self.bench
        finally:
            self.acts.append("close")

    def run(self, scenario: ScenarioFile, *_: object, **__: object) -> Any:
        self.acts.append(f"run {scenario.name}")
        if scenario.name in self.failing:
            raise TestbedError("the server is gone")
        return SimpleNamespace(
            scenario=scenario, run=SimpleNamespace(workflow={"workflowId": "workflow-1"})
        )

    def retry(self, earlier: Any, *_: object) -> Any:
        self.acts.append(f"retry {earlier.scenario.name}")
        return earlier


@pytest.fixture
def benches(monkeypatch: pytest.MonkeyPatch) -> Benches:
    benches = Benches()

    def finish(run: Any, progress: Any, *_: object) -> Any:
        failed = run.scenario.name == "broken-track" and "retry broken-track" not in benches.acts
        status = "FAILED" if failed else "COMPLETED"
        return progress.end({"workflowId": "w", "status": status, **EMPTY}, (), ())

    monkeypatch.setattr(warm_bench, "Bench", benches)
    monkeypatch.setattr(module, "finish", finish)
    monkeypatch.setattr(RunProgress, "use", lambda *_: None)
    return benches


EMPTY = {"createTime": 1, "startTime": 1, "endTime": 2, "tasks": []}


@pytest.fixture
def desk(benches: Benches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("TRACKPROOF_STATE_DIR", str(tmp_path / "state"))
    desk = Desk(Where("process"), lambda _: REFERENCE, tmp_path / "meetings")
    desk.start()
    yield desk
    desk.close()
    assert benches.acts.count("close") == sum(act.startswith("open") for act in benches.acts)


def ended(*jobs: Job) -> None:
    wait_until(
        lambda: all(job.live.state == "ended" for job in jobs), what="the runs' end", timeout=10
    )


def test_runs_that_need_the_same_testbed_share_it(desk: Desk, benches: Benches) -> None:
    jobs = [desk.add(find_scenario(name), "reference") for name in ("one-track", "silent-guest")]
    ended(*jobs)
    ended(desk.add(find_scenario("conductor-killed"), "reference"))

    assert benches.acts == [
        "open process",
        "run one-track",
        "run silent-guest",
        "close",
        "open durable",
        "run conductor-killed",
    ]
    assert desk.store.read(jobs[0].id).verdict == "held"


def test_a_testbed_that_does_not_start_ends_its_run_alone(desk: Desk, benches: Benches) -> None:
    benches.failing = {"open one-track"}

    failed, good = (desk.add(find_scenario(n), "reference") for n in ("one-track", "rejoin"))
    ended(failed, good)

    assert "no Conductor" in desk.store.read(failed.id).run.interrupted  # type: ignore[union-attr]
    assert desk.store.read(good.id).verdict == "held"


def test_a_run_that_fails_in_the_middle_gets_a_new_testbed_after_it(
    desk: Desk, benches: Benches
) -> None:
    benches.failing = {"one-track"}

    jobs = [desk.add(find_scenario(name), "reference") for name in ("one-track", "rejoin")]
    ended(*jobs)

    assert benches.acts[:5] == [
        "open process",
        "run one-track",
        "close",
        "open process",
        "run rejoin",
    ]


def test_an_unforeseen_error_ends_its_run_alone(
    desk: Desk, benches: Benches, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise KeyError("nothing")

    monkeypatch.setattr(benches.bench, "make_meeting", fail)

    job = desk.add(find_scenario("one-track"), "reference")
    ended(job)

    assert "KeyError: 'nothing'" in job.folder.record.run.interrupted  # type: ignore[union-attr]


def test_a_failed_run_goes_on_from_the_failed_task(desk: Desk, benches: Benches) -> None:
    job = desk.add(find_scenario("broken-track"), "reference")
    ended(job)
    wait_until(lambda: desk.can_retry(job.id), what="the end of the run", timeout=10)

    desk.retry(job.id)

    wait_until(lambda: "retry broken-track" in benches.acts, what="the retry", timeout=10)
    ended(job)
    wait_until(lambda: not desk.can_retry(job.id), what="the end of the retry", timeout=10)
    with pytest.raises(UsageError, match="cannot go on"):
        desk.retry(job.id)


def test_a_meeting_that_cannot_be_made_is_refused_before_it_waits(desk: Desk) -> None:
    short = find_scenario("twelve-tracks").with_meeting(seconds=0.5)

    with pytest.raises(UsageError, match="do not fit"):
        desk.add(short, "reference")
    assert desk.store.ids() == []

"""A scenario's fault begins at its moment, is lifted in time, and is missed if nobody meets it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from trackproof.errors import UsageError
from trackproof.scenarios.fault_plan import FaultPlan, needs_proxies, silences
from trackproof.scenarios.scenario_file import ScenarioFault
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.testbed.stand_ins.faults import Faults
from trackproof.wait import wait_until

SERVICES = frozenset({"daily", "modal", "llm", "zulip", "webhook"})


class Bench:
    """Everything that a plan touches."""

    def __init__(self) -> None:
        self.faults = Faults(SERVICES)
        self.traffic = Traffic()
        self.fleet: Any = SimpleNamespace(
            translator=SimpleNamespace(task_to_fleet=str.upper),
            profile=SimpleNamespace(command=("fleet",)),
        )
        self.around: Any = SimpleNamespace(traffic=self.traffic, proxies={})
        self.testbed: Any = SimpleNamespace(
            stand_ins=SimpleNamespace(faults=self.faults),
            conductor=SimpleNamespace(process=None, restart=None),
        )

    def plan(self, **values: Any) -> FaultPlan:
        fault = ScenarioFault.model_validate(values)
        return FaultPlan([fault], self.testbed, self.around, self.fleet)

    def take(self, task: str) -> None:
        answer = {"taskId": task, "workflowInstanceId": "w", "taskDefName": task}
        self.traffic.record_answer(json.dumps(answer).encode(), asked_at=1.0)

    def ask(self, service: str = "zulip") -> bool:
        return self.faults.take(service, "POST", "/") is not None


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_without_a_moment_it_begins_with_the_meeting_and_ends_with_it(bench: Bench) -> None:
    plan = bench.plan(place="zulip", answer={"status": 502})
    with plan.armed():
        assert bench.ask()

    assert not bench.ask()
    assert plan.problems == []


def test_it_begins_when_the_fleet_takes_its_task(bench: Bench) -> None:
    plan = bench.plan(place="zulip", answer={"status": 502}, at="post_zulip")
    with plan.armed():
        bench.take("FINALIZE")
        assert not bench.ask()
        bench.take("POST_ZULIP")
        assert bench.ask()

    assert bench.traffic.watchers == []


def test_it_is_lifted_after_its_seconds(bench: Bench) -> None:
    with bench.plan(place="zulip", answer={"status": 502}, seconds=0.05).armed():
        assert bench.ask()
        wait_until(lambda: not bench.ask(), what="the end of the fault", timeout=5)


@pytest.mark.parametrize("moment", [{}, {"at": "post_zulip"}])
def test_a_fault_that_nobody_met_is_a_problem(bench: Bench, moment: dict[str, str]) -> None:
    plan = bench.plan(place="zulip", answer={"status": 502}, **moment)
    with plan.armed():
        assert not bench.ask("llm")

    assert plan.problems == [f"zulip: status 502{' at post_zulip' if moment else ''}: never met"]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"place": "s3", "connection": "reset"}, "no proxy is in front of s3"),
        ({"place": "s3", "connection": "reset", "at": "pad_track"}, "no proxy in front of s3"),
        ({"place": "conductor", "signal": "kill", "at": "pad_track"}, "would lose its runs"),
        ({"place": "conductor", "signal": "stop", "at": "pad_track"}, "not run as a process"),
    ],
)
def test_what_cannot_be_injected_is_refused_before_the_meeting(
    bench: Bench, values: dict[str, str], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        bench.plan(**values)


def test_a_fault_with_a_moment_needs_the_gateway(bench: Bench) -> None:
    bench.around.traffic = None

    with pytest.raises(UsageError, match="do not pass the gateway"):
        bench.plan(place="zulip", answer={"status": 502}, at="post_zulip")


def test_what_the_testbed_needs_follows_from_the_faults() -> None:
    answer = ScenarioFault.model_validate({"place": "llm", "answer": {"status": 500}})
    reset = ScenarioFault.model_validate({"place": "s3", "connection": "reset"})

    assert (needs_proxies([answer]), silences([answer])) == (False, False)
    assert (needs_proxies([answer, reset]), silences([answer, reset])) == (True, True)

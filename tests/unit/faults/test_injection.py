"""A fault begins when its task is taken, and is lifted in time."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.cells import Cell
from trackproof.scenarios import injection as module
from trackproof.scenarios.injection import Injection, not_applicable
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.testbed.fault_proxy import FaultProxy
from trackproof.wait import wait_until


class Fleet:
    """Records what is done to its processes."""

    def __init__(self) -> None:
        self.acts: list[str] = []
        self.translator = SimpleNamespace(task_to_fleet=str.upper)
        self.profile = SimpleNamespace(command=("fleet",))

    def send_signal(self, number: signal.Signals) -> bool:
        self.acts.append(number.name)
        return True

    def request_end(self) -> None:
        self.acts.append("SIGTERM to one")

    def ended_at(self) -> float:
        return 1.0

    def restart(self) -> None:
        self.acts.append("restart")


class Bench:
    """Everything that an injection touches."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.traffic = Traffic()
        self.proxy = proxy
        self.fleet: Any = Fleet()
        self.around: Any = SimpleNamespace(traffic=self.traffic, proxies={"s3": proxy})
        self.testbed: Any = SimpleNamespace(conductor=SimpleNamespace(process=None))

    def injection(self, place: str, kind: str, lasting: str) -> Injection:
        cell = Cell("pad_track", place, kind, lasting)  # type: ignore[arg-type]  # any seconds
        injection = Injection(cell, self.testbed, self.around, self.fleet)
        injection.arm()
        return injection

    def take(self, task: str) -> None:
        answer = {"taskId": task, "workflowInstanceId": "w", "taskDefName": task}
        self.traffic.record_answer(json.dumps([answer]).encode(), 0.0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with FaultProxy("127.0.0.1", 1, name="s3") as proxy:
        proxy.start()
        yield Bench(proxy)


def test_it_begins_with_the_first_task_of_its_type(bench: Bench) -> None:
    injection = bench.injection("s3", "hang", "for-good")
    bench.take("FINALIZE")
    assert not injection.begun.is_set()
    bench.take("PAD_TRACK")
    assert injection.begun.is_set()
    assert not injection.lifted.is_set()
    injection.end()
    assert injection.lifted.is_set()
    assert bench.traffic.watchers == []
    assert injection.losses.of("s3") == injection.met == 0


def test_a_short_fault_is_lifted_by_itself(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    injection = bench.injection("s3", "refuse", "0.05s")
    bench.take("PAD_TRACK")
    assert injection.met is None, "nobody listens, so nobody counts"
    assert injection.lifted.wait(5)
    injection.end()


@pytest.mark.parametrize(
    ("kind", "acts"),
    [
        ("kill", ["SIGKILL", "restart"]),
        ("stop", ["SIGSTOP", "SIGCONT"]),
        ("term", ["SIGTERM to one", "restart"]),
    ],
)
def test_processes_are_signalled_once_the_fleet_has_the_task(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, acts: list[str]
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.0)
    injection = bench.injection("fleet", kind, "once")
    bench.take("PAD_TRACK")
    assert bench.fleet.acts == []
    bench.traffic.record_poll()
    wait_until(lambda: bench.fleet.acts == acts, what=f"{acts}", timeout=5)
    injection.end()
    assert (injection.losses.interrupted, injection.met, injection.problem) == (True, 1, "")


def test_what_cannot_be_injected_has_a_reason(bench: Bench) -> None:
    def reason(place: str) -> str:
        cell = Cell("pad_track", place, "reset", "once")
        return not_applicable(cell, bench.testbed, bench.around, bench.fleet)

    assert reason("s3") == reason("fleet") == ""
    assert reason("database") == "no proxy in front of database: SQLite is a file"
    assert reason("server") == "Conductor does not run as a process"
    bench.fleet.profile.command = ()
    assert reason("fleet").startswith("only a fleet that runs as a command")
    bench.around.traffic = None
    assert reason("s3") == "the fleet's requests to Conductor do not pass the gateway"

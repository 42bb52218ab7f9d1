"""The faults of a scenario: each begins at its moment and is lifted in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from trackproof.checks.effects import Losses
from trackproof.errors import UsageError
from trackproof.fleet import Fleet
from trackproof.lab import Surroundings, Testbed
from trackproof.scenarios.injection import Injection, not_applicable
from trackproof.scenarios.scenario_file import ScenarioFault
from trackproof.testbed.conductor.traffic import TakenTask
from trackproof.testbed.fault_proxy import ConnectionFault
from trackproof.testbed.stand_ins.faults import LastingFaults


@dataclass(frozen=True, slots=True)
class _AtTask:
    """A scenario's fault in the form that an injection takes."""

    task: str
    place: str
    kind: str
    lasting: str

    @classmethod
    def of(cls, fault: ScenarioFault) -> _AtTask:
        process = fault.signal is not None
        place = "server" if process and fault.place == "conductor" else fault.place
        lasting = f"{fault.seconds:g}s" if fault.seconds else "once" if process else "for-good"
        return cls(fault.at or "", place, str(fault.signal or fault.connection), lasting)


def needs_proxies(faults: Sequence[ScenarioFault]) -> bool:
    """Return whether the fleet's connections must pass fault proxies."""
    return any(fault.connection is not None for fault in faults)


def silences(faults: Sequence[ScenarioFault]) -> bool:
    """Return whether a fault may leave a task without an answer, so that its time-out decides."""
    return any(fault.answer is None for fault in faults)


class FaultPlan:
    """All faults of one run."""

    def __init__(
        self,
        faults: Sequence[ScenarioFault],
        testbed: Testbed,
        around: Surroundings,
        fleet: Fleet,
    ) -> None:
        """Begin nothing yet.

        Raises:
            UsageError: A fault cannot be injected into this fleet or on this testbed.
        """
        self._faults = faults
        self._testbed, self._around, self._fleet = testbed, around, fleet
        self._answers: list[_AnswerFault] = []
        self._injections: list[tuple[ScenarioFault, Injection]] = []
        for fault in faults:
            if fault.at and fault.answer is None:
                at_task = _AtTask.of(fault)
                if reason := not_applicable(at_task, testbed, around, fleet):
                    raise UsageError(f"the fault {fault.text!r} cannot be injected: {reason}")
                self._injections.append((fault, Injection(at_task, testbed, around, fleet)))
            elif fault.at and around.traffic is None:
                raise UsageError(
                    f"the fault {fault.text!r} cannot be injected: the fleet's requests to "
                    "Conductor do not pass the gateway"
                )
            elif fault.connection and fault.place not in around.proxies:
                raise UsageError(
                    f"the fault {fault.text!r} cannot be injected: no proxy is in front of "
                    f"{fault.place}"
                )

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Inject the faults within the block."""
        with ExitStack() as stack:
            for _, injection in self._injections:
                stack.callback(injection.end)
                injection.arm()
            for fault in self._faults:
                if fault.answer is not None:
                    answer = _AnswerFault(fault, self._testbed, self._around, self._fleet)
                    self._answers.append(answer)
                    stack.callback(answer.end)
                    answer.arm()
                elif fault.at is None and fault.connection:
                    stack.callback(self._begin_connection(fault).set)
            yield

    def _begin_connection(self, fault: ScenarioFault) -> threading.Event:
        """Begin a fault of connections; the returned event lifts it."""
        proxy, lifted = self._around.proxies[fault.place], threading.Event()
        assert fault.connection is not None
        proxy.apply(ConnectionFault(fault.connection))

        def lift() -> None:
            lifted.wait(fault.seconds)
            proxy.lift()

        threading.Thread(target=lift, daemon=True).start()
        return lifted

    @property
    def losses(self) -> Losses:
        """What the faults took from the fleet."""
        parts = [injection.losses for _, injection in self._injections]
        answers: dict[str, int] = {}
        for part in parts:
            for place, number in part.answers.items():
                answers[place] = answers.get(place, 0) + number
        return Losses(answers, interrupted=any(part.interrupted for part in parts))

    @property
    def problems(self) -> list[str]:
        """Why a fault says nothing about this run: no request met it, or it could not begin."""
        unmet = [
            f"{fault.text}: {injection.problem or 'never met'}"
            for fault, injection in self._injections
            if injection.problem or injection.met == 0
        ]
        return [*unmet, *(f"{one.text}: never met" for one in self._answers if one.unmet)]


class _AnswerFault:
    """Wrong answers of one service."""

    def __init__(
        self, fault: ScenarioFault, testbed: Testbed, around: Surroundings, fleet: Fleet
    ) -> None:
        self.text = fault.text
        self.unmet = True
        self._fault, self._around = fault, around
        store = testbed.s3 if fault.place == "s3" else testbed.stand_ins
        self._rules = store.faults
        self._task = fleet.translator.task_to_fleet(fault.at) if fault.at else ""
        self._active: LastingFaults | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def arm(self) -> None:
        if not self._task:
            self._begin()
        elif self._around.traffic is not None:
            self._around.traffic.watchers.append(self._see)

    def _see(self, task: TakenTask) -> None:
        if task.task_type == self._task:
            self._begin()

    def _begin(self) -> None:
        with self._lock:
            if self._active is not None:
                return
            self._active = self._rules.add_lasting(self._fault.as_answer())
        if self._fault.seconds:
            self._timer = threading.Timer(self._fault.seconds, self._lift)
            self._timer.daemon = True
            self._timer.start()

    def _lift(self) -> None:
        with self._lock:
            if self._active is not None:
                self.unmet = bool(self._active.unmet())
                self._active.remove()

    def end(self) -> None:
        traffic = self._around.traffic
        if traffic is not None and self._see in traffic.watchers:
            traffic.watchers.remove(self._see)
        if self._timer is not None:
            self._timer.cancel()
        self._lift()

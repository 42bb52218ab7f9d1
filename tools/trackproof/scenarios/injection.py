"""One fault: it begins at the moment its task starts, and is lifted in time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from trackproof.checks.effects import Losses
from trackproof.errors import TrackproofError
from trackproof.fleet import Fleet
from trackproof.fleet.profile import FleetProfile
from trackproof.lab import Surroundings, Testbed
from trackproof.testbed.conductor.traffic import TakenTask
from trackproof.testbed.fault_proxy import KINDS, ConnectionFault
from trackproof.wait import wait_until

PAUSE_SECONDS: Final = 1.0
"""How long `once` stops a process."""
HANDED_OVER_SECONDS: Final = 5.0
"""Until the fleet asks Conductor for anything after it has got the task."""
DRAIN_SECONDS: Final = 30.0
"""Until a fleet has ended after SIGTERM."""
CUT_BYTES: Final = 20
"""Bytes of an answer that arrive before it is cut: less than the head of any HTTP answer."""

SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "term": signal.SIGTERM}


class TaskFault(Protocol):
    """One fault of connections or processes, and the task at which it begins."""

    @property
    def task(self) -> str:
        """The task type, in the contracts' terms."""

    @property
    def place(self) -> str:
        """A service, `s3`, `conductor`, `database`; `fleet` or `server` for their processes."""

    @property
    def kind(self) -> str:
        """A kind of connection fault, or a key of `SIGNALS`."""

    @property
    def lasting(self) -> str:
        """`once`, `for-good`, or a number of seconds such as `3s`."""


def not_applicable(cell: TaskFault, testbed: Testbed, around: Surroundings, fleet: Fleet) -> str:
    """Return why a fault cannot be injected here; empty if it can."""
    if around.traffic is None:
        return "the fleet's requests to Conductor do not pass the gateway"
    if cell.place == "fleet":
        profile: FleetProfile = fleet.profile
        return "" if profile.command else "only a fleet that runs as a command can be signalled"
    if cell.place == "server":
        if cell.kind == "kill":
            return "" if testbed.conductor.restart else "Conductor would lose its runs"
        return "" if testbed.conductor.process else "Conductor does not run as a process"
    if cell.place not in around.proxies:
        what = "SQLite is a file" if cell.place == "database" else "HTTPS or another network"
        return f"no proxy in front of {cell.place}: {what}"
    return ""


class Injection:
    """A fault at a task, armed before its meeting starts."""

    def __init__(
        self, cell: TaskFault, testbed: Testbed, around: Surroundings, fleet: Fleet
    ) -> None:
        self._cell = cell
        self._testbed = testbed
        self._around = around
        self._fleet = fleet
        self._task = fleet.translator.task_to_fleet(cell.task)
        self._lock = threading.Lock()
        self._timer: threading.Thread | None = None
        self.begun = threading.Event()
        self.lifted = threading.Event()
        self.workflow_id = ""
        """The meeting's run, once it has started."""
        self.problem = ""
        """Why the laboratory could not begin or lift it."""

    @property
    def is_process(self) -> bool:
        """Whether processes are signalled."""
        return self._cell.kind not in KINDS

    @property
    def met(self) -> int | None:
        """Number of connections that met it; None if it cannot be counted."""
        if self.is_process:
            return int(self.begun.is_set())
        if self._cell.kind == "refuse" and self._cell.lasting != "once":
            return None  # nobody listens, so nobody counts
        return self._around.proxies[self._cell.place].met

    @property
    def losses(self) -> Losses:
        """What it took from the fleet."""
        interrupted = self.is_process or self._cell.place in {"conductor", "database"}
        if self.is_process:
            return Losses({self._cell.place: 0}, interrupted=True)
        lost = self._around.proxies[self._cell.place].lost_answers
        return Losses({self._cell.place: lost}, interrupted=interrupted)

    def arm(self) -> None:
        """Begin the fault when the fleet takes the first task of the cell's type from now on."""
        if self._around.traffic is not None:
            self._around.traffic.watchers.append(self._see)

    def _see(self, task: TakenTask) -> None:
        with self._lock:
            if task.task_type != self._task or self.begun.is_set():
                return
            self.begun.set()
        if self.is_process:
            self._in_thread(self._signal, polled_at=task.polled_at)
            return
        once = self._cell.lasting == "once"
        fault = ConnectionFault(
            self._cell.kind,  # type: ignore[arg-type]  # one of KINDS: `is_process`
            connections=1 if once else None,
            after_bytes=CUT_BYTES if self._cell.kind == "cut" else 0,
        )
        self._around.proxies[self._cell.place].apply(fault)
        if seconds := _seconds(self._cell):
            self._in_thread(self._lift_after, seconds)

    def _in_thread(self, act: Callable[..., None], *args: float, **named: float) -> None:
        self._timer = threading.Thread(target=act, args=args, kwargs=named, daemon=True)
        self._timer.start()

    def _lift_after(self, seconds: float) -> None:
        if not self.lifted.wait(seconds):
            self.lift()

    def _signal(self, polled_at: float) -> None:
        traffic = self._around.traffic
        assert traffic is not None
        try:
            wait_until(
                lambda: traffic.polls_since(polled_at),
                what="the fleet to have got the task",
                timeout=HANDED_OVER_SECONDS,
                interval=0.002,
            )
            number = SIGNALS[self._cell.kind]
            if self._cell.place == "server" and self._cell.kind == "kill":
                restart = self._testbed.conductor.restart
                assert restart is not None
                restart()
            elif self._cell.place == "server":
                process = self._testbed.conductor.process
                assert process is not None
                process.send_signal(number)
            elif self._cell.kind == "term":
                self._fleet.request_end()
            else:
                self._fleet.send_signal(number)
        except TrackproofError as error:
            self.problem = error.what
        if self._cell.lasting == "once":
            self._lift_after(PAUSE_SECONDS if self._cell.kind == "stop" else 0.0)
        elif seconds := _seconds(self._cell):
            self._lift_after(seconds)

    def lift(self) -> None:
        """End the fault; a second call waits for the first."""
        with self._lock:
            if self.lifted.is_set():
                return
            try:
                self._lift()
            except TrackproofError as error:
                self.problem = error.what
            self.lifted.set()

    def _lift(self) -> None:
        if not self.is_process:
            self._around.proxies[self._cell.place].lift()
        elif not self.begun.is_set():
            pass
        elif self._cell.place == "server":
            if self._testbed.conductor.process:
                self._testbed.conductor.process.send_signal(signal.SIGCONT)
        elif self._cell.kind == "stop":
            self._fleet.send_signal(signal.SIGCONT)
        else:
            if self._cell.kind == "term":
                wait_until(self._fleet.ended_at, what="the fleet to end", timeout=DRAIN_SECONDS)
            self._fleet.restart()

    def end(self) -> None:
        """Lift the fault, wait for its threads, and forget the meeting."""
        if self._around.traffic is not None:
            with suppress(ValueError):  # it was never armed
                self._around.traffic.watchers.remove(self._see)
        self.lift()
        if self._timer is not None:
            self._timer.join(DRAIN_SECONDS)


def _seconds(cell: TaskFault) -> float:
    """Return after how many seconds a fault is lifted; 0 if its end is decided otherwise."""
    if cell.lasting in {"once", "for-good"}:
        return 0.0
    return float(cell.lasting.removesuffix("s"))

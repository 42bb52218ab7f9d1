"""One fault: it begins at the moment its task starts, and is lifted in time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from trackproof.checks.effects import Losses
from trackproof.errors import TestbedError, TrackproofError
from trackproof.fleet import Fleet
from trackproof.fleet.profile import FleetProfile
from trackproof.lab import Surroundings, Testbed
from trackproof.testbed.conductor import ConductorServer
from trackproof.testbed.conductor.traffic import TakenTask
from trackproof.testbed.fault_proxy import KINDS, ConnectionFault
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.small_disk import SmallDisk
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


def not_applicable(
    cell: TaskFault,
    testbed: Testbed,
    around: Surroundings,
    fleet: Fleet,
    disk: SmallDisk | None = None,
) -> str:
    """Return why a fault cannot be injected here; empty if it can."""
    server = around.servers.get(cell.place)
    reason = ""
    if around.traffic is None:
        reason = "the fleet's requests to Conductor do not pass the gateway"
    elif cell.place == "fleet":
        profile: FleetProfile = fleet.profile
        reason = "" if profile.command else "only a fleet that runs as a command can be signalled"
    elif cell.place == "server":
        reason = _server_reason(cell, testbed.conductor)
    elif cell.place == "work":
        reason = "" if disk else "no small disk can be mounted (it needs root on Linux)"
    elif _is_process(cell):
        reason = "" if server and server.process else f"{cell.place} does not run as a process"
    elif cell.place not in around.proxies:
        what = "SQLite is a file" if cell.place == "database" else "HTTPS or another network"
        reason = f"no proxy in front of {cell.place}: {what}"
    return reason


def _server_reason(cell: TaskFault, conductor: ConductorServer) -> str:
    if cell.kind == "kill":
        kept = conductor.restart is not None
        return "" if kept else f"Conductor {conductor.version} would lose its runs, kept in memory"
    return "" if conductor.process else "Conductor does not run as a process"


def _is_process(cell: TaskFault) -> bool:
    """Return whether a fault signals processes or fills a disk."""
    return cell.kind not in KINDS


class Injection:
    """A fault at a task, armed before its meeting starts."""

    def __init__(
        self,
        cell: TaskFault,
        testbed: Testbed,
        around: Surroundings,
        fleet: Fleet,
        disk: SmallDisk | None = None,
    ) -> None:
        self._cell = cell
        self._disk = disk
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
        """Whether processes are signalled or a disk is filled."""
        return _is_process(self._cell)

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
            return Losses(interrupted=True)
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
            self._begin()
        except TrackproofError as error:
            self.problem = error.what
        if self._cell.lasting == "once":
            self._lift_after(PAUSE_SECONDS if self._cell.kind in {"stop", "full"} else 0.0)
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

    def _begin(self) -> None:
        cell, fleet = self._cell, self._fleet
        if self._disk is not None and cell.place == "work":
            self._disk.fill()
        elif cell.place == "server" and cell.kind == "kill" and not self._testbed.conductor.process:
            self._restart_server()  # a durable server is killed and started in one
        elif cell.place != "fleet":
            self._server_process().send_signal(SIGNALS[cell.kind])
        elif cell.kind == "term":
            fleet.request_end()
        else:
            fleet.send_signal(SIGNALS[cell.kind])

    def _lift(self) -> None:
        cell, fleet = self._cell, self._fleet
        if not self.is_process:
            self._around.proxies[cell.place].lift()
        elif not self.begun.is_set():
            pass
        elif self._disk is not None and cell.place == "work":
            self._disk.free()
        elif cell.place != "fleet":
            if cell.kind == "stop":
                self._server_process().send_signal(signal.SIGCONT)
            elif cell.place != "server" or self._testbed.conductor.process:
                self._restart_server()
        elif cell.kind == "stop":
            fleet.send_signal(signal.SIGCONT)
        else:
            if cell.kind == "term":
                wait_until(fleet.ended_at, what="the fleet to end", timeout=DRAIN_SECONDS)
            fleet.restart()

    def _server_process(self) -> ManagedProcess:
        place = self._cell.place
        server = self._testbed.conductor if place == "server" else self._around.servers[place]
        if server.process is None:
            raise TestbedError(f"{place} does not run as a process")
        return server.process

    def _restart_server(self) -> None:
        if self._cell.place != "server":
            self._around.servers[self._cell.place].restart()
        elif self._testbed.conductor.restart is not None:
            self._testbed.conductor.restart()

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

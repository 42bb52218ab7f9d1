"""What a tester does to a running meeting: end, stop and continue its parts."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import Final

from trackproof.errors import UsageError
from trackproof.testbed.stand_ins.faults import Fault, LastingFaults
from trackproof.verify.bench import Bench

ACTIONS: Final = ("kill", "pause", "resume")
SERVICES: Final = ("daily", "modal", "llm", "zulip", "webhook", "s3")
PLACES: Final = ("fleet", "conductor", *SERVICES)
DOWN: Final = 503
"""What a paused service answers."""


class Controls:
    """The parts of one bench, and which of them stand still."""

    def __init__(self, bench: Bench) -> None:
        """Everything runs."""
        self._bench = bench
        self._down: dict[str, LastingFaults] = {}
        self._stopped: set[str] = set()

    @property
    def paused(self) -> frozenset[str]:
        """The parts that stand still."""
        return frozenset(self._stopped | set(self._down))

    def act(self, action: str, place: str) -> str:
        """Do something to a part; return what was done in a few words.

        Raises:
            UsageError: The part cannot be reached, or there is no such action for it.
            TrackproofError: It could not be started again.
        """
        acts: Mapping[tuple[str, str], Callable[[], None]] = {
            ("kill", "fleet"): self._kill_fleet,
            ("kill", "conductor"): self._kill_conductor,
            ("pause", "fleet"): lambda: self._signal_fleet(signal.SIGSTOP),
            ("resume", "fleet"): lambda: self._signal_fleet(signal.SIGCONT),
            ("pause", "conductor"): lambda: self._signal_conductor(signal.SIGSTOP),
            ("resume", "conductor"): lambda: self._signal_conductor(signal.SIGCONT),
        }
        if place in SERVICES and action in {"pause", "resume"}:
            self._answer(place, down=action == "pause")
        elif (action, place) in acts:
            acts[action, place]()
        else:
            raise UsageError(f"there is no way to {action} {place}")
        done = {"kill": "killed and started again", "pause": "paused", "resume": "resumed"}
        return f"{place}: {done[action]} by hand"

    def resume_all(self) -> None:
        """Let everything go on."""
        for place in self.paused:
            self.act("resume", place)

    def _answer(self, place: str, *, down: bool) -> None:
        store = self._bench.testbed.s3 if place == "s3" else self._bench.testbed.stand_ins
        if down and place not in self._down:
            self._down[place] = store.faults.add_lasting(Fault(service=place, status=DOWN))
        elif not down and place in self._down:
            self._down.pop(place).remove()

    def _signal_fleet(self, number: signal.Signals) -> None:
        if not self._bench.fleet.send_signal(number):
            raise UsageError("only a fleet that runs as a command can be signalled")
        self._note("fleet", number)

    def _kill_fleet(self) -> None:
        self._signal_fleet(signal.SIGKILL)
        self._stopped.discard("fleet")
        self._bench.fleet.restart()

    def _signal_conductor(self, number: signal.Signals) -> None:
        process = self._bench.testbed.conductor.process
        if process is None:
            raise UsageError("this Conductor is not a process that can be stopped for a while")
        process.send_signal(number)
        self._note("conductor", number)

    def _kill_conductor(self) -> None:
        restart = self._bench.testbed.conductor.restart
        if restart is None:
            raise UsageError(
                "this Conductor would lose its runs", hint="choose the durable one in the form"
            )
        restart()

    def _note(self, place: str, number: signal.Signals) -> None:
        if number is signal.SIGSTOP:
            self._stopped.add(place)
        else:
            self._stopped.discard(place)

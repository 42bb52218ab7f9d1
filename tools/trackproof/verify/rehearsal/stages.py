"""The stages of a rehearsal: meetings at each stage of the switch, and an outage."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from trackproof.errors import DeadlineError, FleetError, TrackproofError
from trackproof.fleet.profile import Position
from trackproof.runs.product import Product, RunningTrigger
from trackproof.runs.scenario import Scenario
from trackproof.testbed.conductor.rest import ENDED
from trackproof.testbed.conductor.starts import Starts
from trackproof.testbed.conductor.traffic import Traffic
from trackproof.testbed.processes import ManagedProcess
from trackproof.testbed.stand_ins.faults import Fault
from trackproof.verify.rehearsal.judgement import (
    Meeting,
    has_deliveries,
    judge_meeting,
    switch_faults,
)
from trackproof.verify.rehearsal.results import StageResult
from trackproof.wait import wait_until

STAGES: Final[tuple[Position, ...]] = ("legacy", "shadow", "fallback", "conductor")
FINAL: Final = frozenset({"ended", "error"})

OUTAGE_SECONDS: Final = 60.0
"""Longest outage; it ends when the meetings have ended without Conductor."""

POLL_SECONDS: Final = 15.0
"""Time limit for two rounds of a trigger that polls by itself."""

SLOW_SECONDS: Final = 4.0
"""Delay of the transcription service, so that the outage meets a meeting at work."""


@dataclass(slots=True)
class Stages:
    """The meetings of a rehearsal, stage by stage."""

    product: Product
    traffic: Traffic
    """The product's requests to Conductor, which can be cut."""
    starts: Starts
    """The product's starts of workflows."""
    scenarios: Iterator[Scenario]
    limit: float
    """Seconds within which the meetings of a stage must end."""
    similarity: float | None
    report: Callable[[str], None]
    _stages: dict[Position, tuple[list[Meeting], float]] = field(default_factory=dict)
    _faults: dict[Position, list[str]] = field(default_factory=lambda: defaultdict(list))
    _processes: list[ManagedProcess] = field(default_factory=list)
    """Those that run through several stages."""
    _ended: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Runs that have ended, by id."""

    def run(self, shares: dict[Position, int]) -> tuple[StageResult, ...]:
        """Run the meetings of these stages and judge them at the end.

        Args:
            shares: Number of meetings by stage; the outage adds one.

        Raises:
            FleetError: The fleet or a trigger does not start, or the fleet died.
        """
        with ExitStack() as stack:
            self._processes = [stack.enter_context(self.product.legacy_worker())]
            for stage, count in shares.items():
                if stage == "conductor":
                    stack.close()  # from here on nothing may depend on the legacy pipeline
                    self._processes = []
                self._run_stage(stage, count)
        return tuple(self._judge(stage) for stage in shares)

    def _run_stage(self, stage: Position, count: int) -> None:
        self.report(f"stage {stage}: {count} meetings")
        began = time.monotonic()
        waiting = self.product.legacy_messages()
        meetings: list[Meeting] = []
        self._stages[stage] = (meetings, 0.0)
        with self.product.trigger(stage) as trigger:
            if stage == "fallback":
                self._lose_conductor(trigger, meetings, count)
            else:
                meetings += [self._start(trigger, stage) for _ in range(count)]
                self._follow(trigger, meetings, self.limit)
            self._settle(meetings)
            self._poll_twice(trigger)  # Daily lists the earlier recordings too
        if stage == "conductor" and (sent := self.product.legacy_messages() - waiting):
            self._faults[stage].append(f"{sent} messages were sent to the legacy pipeline")
        self._stages[stage] = (meetings, time.monotonic() - began)

    def _start(self, trigger: RunningTrigger, stage: Position) -> Meeting:
        """Let Daily finish a recording and announce it twice, as Daily does without an answer."""
        meeting = Meeting(next(self.scenarios), stage)
        self.product.finish_meeting(meeting.scenario)
        meeting.announced_at = time.monotonic()
        answers = [_answer(trigger, meeting.scenario) for _ in range(2)]
        meeting.refused = answers[0] if all(answers) else ""
        return meeting

    def _lose_conductor(self, trigger: RunningTrigger, meetings: list[Meeting], count: int) -> None:
        """Cut Conductor while meetings run, start one more, and restore it when they have ended."""
        stand_ins = self.product.testbed.stand_ins
        transcriptions = stand_ins.ledger.count("modal")
        stand_ins.faults.add(Fault(service="modal", delay=SLOW_SECONDS, times=2))
        meetings += [self._start(trigger, "fallback") for _ in range(count)]
        with suppress(DeadlineError):
            wait_until(
                lambda: stand_ins.ledger.count("modal") > transcriptions,
                what="a transcription",
                timeout=self.limit,
            )
        self.report("outage of Conductor begins")
        self.traffic.cut()
        try:
            meetings.append(self._start(trigger, "fallback"))
            self._follow(trigger, meetings, min(OUTAGE_SECONDS, self.limit))
        finally:
            self.traffic.restore()
            stand_ins.faults.clear()
        if not self.traffic.cut_off:
            self._faults["fallback"].append("the outage met no request of the product to Conductor")
        self.report("outage of Conductor ends")
        self._follow(trigger, meetings, self.limit)

    def _follow(self, trigger: RunningTrigger, meetings: Sequence[Meeting], seconds: float) -> None:
        """Wait until the transcripts of all meetings have ended, or the time is over."""

        def all_ended() -> bool:
            self._check_alive(trigger)
            for meeting in meetings:
                if meeting.ended_at is None and self._status(meeting) in FINAL:
                    meeting.ended_at = time.monotonic()
            return all(one.ended_at is not None for one in meetings)

        with suppress(DeadlineError):
            wait_until(all_ended, what="the transcripts to end", timeout=seconds, interval=0.1)

    def _check_alive(self, trigger: RunningTrigger) -> None:
        """Raise a FleetError with the log of a process of the product that has ended."""
        self.product.fleet.check_alive()
        for process in (trigger.process, *self._processes):
            if (code := process.poll()) is not None:
                raise FleetError(
                    f"the product's {process.name} ended with exit code {code}",
                    evidence=process.tail(),
                    hint="read the end of its log above",
                )

    def _status(self, meeting: Meeting) -> object:
        return self.product.transcript(meeting.scenario.recording_id).get("status")

    def _settle(self, meetings: Sequence[Meeting]) -> None:
        """Wait until no workflow of these meetings runs and all are delivered."""

        def settled() -> bool:
            return all(
                (self._status(meeting) != "ended" or has_deliveries(self.product, meeting.scenario))
                and all(run["status"] in ENDED for run in self._runs(meeting))
                for meeting in meetings
            )

        with suppress(DeadlineError):
            wait_until(settled, what="deliveries and workflows", timeout=self.limit, interval=0.2)

    def _poll_twice(self, trigger: RunningTrigger) -> None:
        """Let the trigger ask Daily for its recordings twice more."""
        if self.product.terms.poll_command:
            self.product.poll(trigger)
            self.product.poll(trigger)
            return
        ledger = self.product.testbed.stand_ins.ledger
        asked = ledger.count("daily", path="/recordings")
        with suppress(DeadlineError):
            wait_until(
                lambda: ledger.count("daily", path="/recordings") >= asked + 2,
                what="two polls",
                timeout=POLL_SECONDS,
            )

    def _runs(self, meeting: Meeting) -> list[Mapping[str, Any]]:
        """Return the runs that were started for a meeting's recording."""
        recording_id = meeting.scenario.recording_id
        stored = self.product.recording(recording_id).workflow_id
        started = [one.workflow_id for one in self.starts.about(recording_id)]
        runs = (self._run(one) for one in dict.fromkeys(filter(None, [*started, stored])))
        return [
            run
            for run in runs
            if run.get("workflowId") == stored
            or (run.get("input") or {}).get("recording_id") == recording_id
        ]

    def _run(self, workflow_id: str) -> Mapping[str, Any]:
        """Return a run; empty if the server does not know it. One that has ended is remembered."""
        run = self._ended.get(workflow_id)
        if run is None:
            try:
                run = self.product.testbed.rest.workflow(workflow_id, include_tasks=False)
            except (TrackproofError, httpx.HTTPError):
                return {}
            if run["status"] in ENDED:
                self._ended[workflow_id] = run
        return run

    def _judge(self, stage: Position) -> StageResult:
        meetings, seconds = self._stages[stage]
        judged = tuple(
            judge_meeting(self.product, one, self._runs(one), self.similarity) for one in meetings
        )
        faults = (*self._faults[stage], *switch_faults(stage, judged))
        return StageResult(stage, judged, seconds, faults)


def _answer(trigger: RunningTrigger, scenario: Scenario) -> str:
    """Announce a recording; return the answer that refuses it, empty if it is accepted."""
    try:
        answer = trigger.announce(scenario)
    except httpx.TransportError as error:
        return f"{type(error).__name__}: {error}"
    return "" if answer.is_success else f"HTTP {answer.status_code} {answer.text[:200]}"

"""One meeting with a schedule, and what is wrong with its effects."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from tests.faults.lane import LOOK_SECONDS, Lane
from tests.faults.outcome import failures, problems_of
from tests.paranoid.schedule import Schedule
from trackproof.checks.effects import Losses, outside_effects, stored_effects
from trackproof.errors import DeadlineError, FleetError, TestbedError
from trackproof.lab import TRANSCRIPT_BUCKET
from trackproof.runs.follow import Workflow, follow
from trackproof.runs.pipeline_run import Mark, start_run
from trackproof.runs.unavailable import NotVisible
from trackproof.testbed.conductor.traffic import Traffic, UpdateFault

RUN_SECONDS: Final = 150.0
KILL_SECONDS: Final = 20.0
"""More for each death: a response time-out and the fleet's start."""
DECIDE_SECONDS: Final = 1.0
EVERY: Final = 1_000


@dataclass(slots=True)
class Deaths:
    """Kills the fleet at the first result of some task types, which is then lost."""

    lane: Lane
    traffic: Traffic
    pending: list[UpdateFault] = field(default_factory=list)
    decided: float = 0.0
    workflow_id: str = ""

    def expect(self, task_type: str) -> None:
        """Kill the fleet at the next result of a type, in the fleet's terms."""
        self.pending.append(UpdateFault(task_type, "hold"))
        self.traffic.add_fault(self.pending[-1])

    def on_poll(self, _: Workflow) -> None:
        """Kill and restart the fleet if a result is held; have time-outs evaluated."""
        for fault in [fault for fault in self.pending if fault.met]:
            self.lane.fleet.send_signal(signal.SIGKILL)
            fault.discard()
            self.pending.remove(fault)
            self.lane.fleet.restart()
        if time.monotonic() - self.decided > DECIDE_SECONDS:
            self.decided = time.monotonic()
            with suppress(TestbedError):
                self.lane.testbed.rest.decide(self.workflow_id)


def problems_with(lane: Lane, schedule: Schedule, number: int) -> list[str]:
    """Run a meeting with a schedule; return what is wrong, with its effects counted strictly.

    Args:
        lane: A testbed with a fleet.
        schedule: What happens.
        number: Makes the meeting's words unique in the lane.

    Raises:
        TrackproofError: The laboratory could not run it.
    """
    traffic = lane.around.traffic
    if traffic is None:
        raise FleetError("the fleet's requests to Conductor do not pass the gateway")
    scenario, before = lane.prepare(number)
    mark = Mark.now(lane.testbed, lane.fleet)
    to_fleet = lane.fleet.translator.task_to_fleet
    traffic.deliver_twice([to_fleet(task) for task in schedule.tasks_of("twice")])
    for act, carried_out in (("unacknowledged", True), ("unsent", False)):
        for task in schedule.tasks_of(act):  # type: ignore[arg-type]  # one of ACTS
            traffic.add_fault(
                UpdateFault(
                    to_fleet(task), "reset", carried_out=carried_out, times=EVERY, once_a_task=True
                )
            )
    deaths = Deaths(lane, traffic)
    for task in schedule.tasks_of("killed"):
        deaths.expect(to_fleet(task))
    try:
        deaths.workflow_id = workflow_id = start_run(lane.testbed, scenario)
        workflow = follow(
            lane.testbed.rest,
            workflow_id,
            what="the meeting",
            seconds=RUN_SECONDS + KILL_SECONDS * len(schedule.tasks_of("killed")),
            interval=LOOK_SECONDS,
            on_poll=deaths.on_poll,
        )
        if workflow["status"] != "COMPLETED" or failures(workflow):
            reasons = [f"{reference}: {reason}" for reference, _, reason in failures(workflow)]
            return [f"the workflow ended {workflow['status']}", *reasons]
        redelivered = traffic.delivered_again()
        evidence = lane.gather(scenario, workflow_id, mark).evidence
    except DeadlineError as error:
        return [f"{error.what}: {' '.join(error.evidence.split())}"]
    finally:
        traffic.clear_faults()
        traffic.deliver_twice(())
        lane.mend()
    losses = Losses(redelivered=redelivered)
    counts = outside_effects(evidence, lane.writes(evidence, before), losses)
    with suppress(NotVisible):
        counts += stored_effects(evidence, losses)
    keys = frozenset(lane.testbed.s3.keys(TRANSCRIPT_BUCKET)) - before
    unmet = [f"no result of {one.task_type} was held" for one in deaths.pending]
    return unmet + problems_of(replace(evidence, transcript_keys=keys), counts)

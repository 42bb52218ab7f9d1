"""One testbed with a fleet, in which one cell after another runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from fixtures_audio import make_meeting
from tests.faults.cells import Cell
from tests.faults.outcome import CellResult, failures, names_cause, problems_of
from trackproof.checks.effects import EffectCount, count_effects
from trackproof.checks.storage import expected_keys
from trackproof.contracts.load import load_contracts
from trackproof.errors import DeadlineError, TestbedError, TrackproofError
from trackproof.fleet import REFERENCE, Fleet, FleetProfile
from trackproof.lab import TRANSCRIPT_BUCKET, Surroundings, Testbed
from trackproof.runs.evidence import Evidence
from trackproof.runs.follow import Workflow, follow
from trackproof.runs.limits import FOLLOW_SECONDS
from trackproof.runs.pipeline_run import Mark, PipelineRun, follow_meetings, start_run
from trackproof.runs.progress import has_failed
from trackproof.runs.scenario import Scenario
from trackproof.scenarios.injection import Injection, not_applicable
from trackproof.wait import wait_until

SCALED_TIMES: Final = {
    "OUTSIDE_TIMEOUT_SECONDS": "2",
    "TRANSCRIPTION_TIMEOUT_SECONDS": "8",
    "RECONCILE_SECONDS": "1",
}
"""The reference fleet's own time limits, scaled as its definitions are."""

RESPONSE_SECONDS: Final = 6
"""Every task's response time-out."""
TASK_SECONDS: Final = 60
"""Every task's time-out."""
DECIDE_SECONDS: Final = 1.0
"""Between two evaluations of a run's time-outs, which a server does every 30 s by itself."""

LASTING_SECONDS: Final = 40.0
"""How long a fault for good lasts if the meeting does not end meanwhile."""
PROCESS_LASTING_SECONDS: Final = 10.0
"""The same for a fleet or server that is away: nothing can happen before it comes back."""
RUN_SECONDS: Final = 150.0
"""From a meeting's start to its end."""
REPAIR_SECONDS: Final = 60.0
STATUS_SECONDS: Final = 20.0
MEETING_SECONDS: Final = 6.0


def scaled(profile: FleetProfile) -> FleetProfile:
    """Return the reference fleet with scaled time limits; any other as it is."""
    if profile.name != REFERENCE.name:
        return profile
    return replace(profile, environment={**profile.environment, **SCALED_TIMES})


@dataclass(frozen=True, slots=True)
class Lane:
    """A testbed and a fleet whose connections pass fault proxies."""

    testbed: Testbed
    around: Surroundings
    fleet: Fleet
    folder: Path

    @classmethod
    @contextmanager
    def started(
        cls, profile: FleetProfile, *, version: str, database: str | None
    ) -> Iterator[Lane]:
        """Start everything and end it with the block.

        Raises:
            TrackproofError: A part could not be started.
        """
        with (
            Testbed.started(
                conductor="process",
                version=version,
                database=database,
                report=lambda _: None,
                ports=profile.ports,
                s3=profile.s3,
            ) as testbed,
            testbed.surroundings(profile, watched=True, proxied=True) as around,
            testbed.fleet(profile, around) as fleet,
        ):
            fleet.register(testbed.rest.api_url)
            _scale_definitions(testbed)
            fleet.wait_until_polling(testbed.rest, sorted(load_contracts().tasks))
            yield cls(testbed.translated_for(fleet), around, fleet, testbed.folder)

    def run(self, cell: Cell, number: int) -> CellResult:
        """Run one cell; what goes wrong in the laboratory is an `error`."""
        start = time.monotonic()
        if reason := not_applicable(cell, self.testbed, self.around, self.fleet):
            return CellResult(cell.id, cell.task, "not applicable", reason)
        injection = Injection(cell, self.testbed, self.around, self.fleet)
        try:
            result = self._run(cell, number, injection)
        except TrackproofError as error:
            injection.lift()
            with suppress(TestbedError):  # it would go on beside the next cell's meeting
                self.testbed.rest.terminate(injection.workflow_id, "its cell had an error")
            detail = " ".join(f"{error.what} {error.evidence}".split())[:600]
            result = CellResult(cell.id, cell.task, "error", detail)
        finally:
            injection.end()
            self._mend()
        if injection.problem:
            result = replace(result, outcome="error", detail=injection.problem)
        return replace(result, met=injection.met, seconds=round(time.monotonic() - start, 1))

    def _run(self, cell: Cell, number: int, injection: Injection) -> CellResult:
        scenario, before = self._prepare(cell, number)
        mark = Mark.now(self.testbed, self.fleet)
        injection.arm()
        injection.workflow_id = workflow_id = start_run(self.testbed, scenario)
        try:
            workflow = self._follow(workflow_id, cell, injection)
        except DeadlineError as error:
            injection.lift()
            what = f"{error.what}: {' '.join(error.evidence.split())}"
            return CellResult(cell.id, cell.task, "WRONG", what, workflow_id, "RUNNING")
        injection.lift()
        failed = failures(workflow)
        result = CellResult(cell.id, cell.task, "exact", "", workflow_id, workflow["status"])
        if not injection.begun.is_set():
            return replace(result, outcome="error", detail=f"no {cell.task} was ever taken")
        reasons = [f"{reference}: {reason}" for reference, _, reason in failed]
        if failed or workflow["status"] != "COMPLETED":
            reasons = reasons or [str(workflow.get("reasonForIncompletion"))]
            result = replace(result, outcome="recovered", detail=" | ".join(reasons))
            if problem := self._repair(cell, scenario, workflow, failed, reasons):
                return replace(result, outcome="WRONG", detail=problem)
        run = self._gather(scenario, workflow_id, mark)
        evidence = run.evidence
        losses = replace(injection.losses, earlier=(workflow,))
        counts = count_effects(evidence, self._writes(evidence, before), losses)
        attempts = sum(task["taskDefName"] == cell.task for task in evidence.workflow["tasks"])
        result = replace(result, attempts=attempts, effects=_repeated(counts))
        evidence = replace(
            evidence, transcript_keys=frozenset(self.testbed.s3.keys(TRANSCRIPT_BUCKET)) - before
        )
        if problems := problems_of(evidence, counts):
            return replace(result, outcome="WRONG", detail=" | ".join(problems))
        if injection.met == 0:
            return replace(result, outcome="not met", detail="no request met the fault")
        return result

    def _prepare(self, cell: Cell, number: int) -> tuple[Scenario, frozenset[str]]:
        """Publish and seed a meeting with words of its own: a fleet may cache equal ones."""
        meeting = make_meeting(
            tracks=3, seconds=MEETING_SECONDS, seed=number % 5, words_seed=1_000 + number
        )
        denied = (1,) if cell.denied else ()
        scenario = Scenario.create(meeting, self.folder / f"cell-{number}", denied=denied)
        before = frozenset(self.testbed.s3.keys(TRANSCRIPT_BUCKET))
        scenario.publish(self.testbed)
        webhook = f"{self.around.variables['webhook.url']}/{scenario.room_name}"
        secret = self.testbed.stand_ins.credentials.webhook_secret
        scenario.ids.update(self.fleet.seed(scenario.rows(webhook, secret)))
        self.fleet.watch(scenario.transcript_id)
        return scenario, before

    def _follow(self, workflow_id: str, cell: Cell, injection: Injection) -> Workflow:
        """Follow a run to its end; lift a fault for good when it has lasted long enough."""
        lasting = PROCESS_LASTING_SECONDS if injection.is_process else LASTING_SECONDS
        decided = begun = 0.0

        def on_poll(_: Workflow) -> None:
            nonlocal decided, begun
            now = time.monotonic()
            if injection.begun.is_set():
                begun = begun or now
                if cell.place == "server" and not injection.lifted.is_set():
                    injection.lifted.wait(lasting)  # the server answers nobody meanwhile
                if begun and now - begun > lasting:
                    injection.lift()
            if now - decided > DECIDE_SECONDS:
                decided = now
                with suppress(TestbedError):
                    self.testbed.rest.decide(workflow_id)

        while True:
            try:
                return self._follow_with(workflow_id, on_poll, RUN_SECONDS)
            except TestbedError:
                if cell.place != "server" or injection.lifted.is_set():
                    raise
                injection.lift()  # it was stopped while a request was under way

    def _follow_with(
        self, workflow_id: str, on_poll: Callable[[Workflow], None], seconds: float
    ) -> Workflow:
        return follow(
            self.testbed.rest,
            workflow_id,
            what=f"the meeting {workflow_id}",
            seconds=seconds,
            interval=FOLLOW_SECONDS,
            on_poll=on_poll,
        )

    def _repair(
        self,
        cell: Cell,
        scenario: Scenario,
        workflow: Workflow,
        failed: list[tuple[str, str, str]],
        reasons: list[str],
    ) -> str:
        """Check status and cause of a failed meeting and run it on; return what is wrong."""
        workflow_id, status = workflow["workflowId"], workflow["status"]
        if not names_cause(cell, reasons):
            return f"{status}, and no reason names {cell.place}: {' | '.join(reasons)}"
        if self.fleet.exposes_rows:
            expected = "ended" if status == "COMPLETED" else "error"
            try:
                wait_until(
                    lambda: self._status(scenario) == expected,
                    what=f"the transcript's status {expected}",
                    timeout=STATUS_SECONDS,
                    evidence=lambda: self._status(scenario),
                )
            except DeadlineError as error:
                return f"{error.what}; it is {error.evidence}: {' | '.join(reasons)}"
        self._wait_for_fleet()
        if status == "COMPLETED":
            self.testbed.rest.rerun(workflow_id, failed[0][1])
        elif any(
            task.get("taskType") == "JOIN" and has_failed(task["status"])
            for task in workflow["tasks"]
        ):
            self.testbed.rest.restart(workflow_id)  # on 3.15.0 a retried JOIN stays SCHEDULED
        else:
            self.testbed.rest.retry(workflow_id)
        try:
            again = self._follow_with(
                workflow_id, lambda _: self.testbed.rest.decide(workflow_id), REPAIR_SECONDS
            )
        except DeadlineError as error:
            return f"after the repair {error.what}: {' '.join(error.evidence.split())}"
        if again["status"] != "COMPLETED" or failures(again):
            left = "; ".join(reason for _, _, reason in failures(again))
            return f"the repair ended {again['status']}: {left}"
        return ""

    def _status(self, scenario: Scenario) -> str:
        return str(self.fleet.transcript(scenario.transcript_id).get("status"))

    def _gather(self, scenario: Scenario, workflow_id: str, mark: Mark) -> PipelineRun:
        return follow_meetings(
            self.testbed,
            self.fleet,
            {"meeting": scenario},
            {"meeting": workflow_id},
            since=mark,
            check_alive=lambda: None,
        )["meeting"]

    def _writes(self, evidence: Evidence, before: frozenset[str]) -> dict[str, int]:
        """Return how often each object of this meeting was written, deleted ones too."""
        store = self.testbed.s3
        keys = frozenset(store.keys(TRANSCRIPT_BUCKET)) - before
        keys |= expected_keys(evidence, denied=False)
        return {
            key: sum(not one.deleted for one in store.history(TRANSCRIPT_BUCKET, key))
            for key in keys
        }

    def _wait_for_fleet(self) -> None:
        self.fleet.wait_until_polling(self.testbed.rest, sorted(load_contracts().tasks))

    def _mend(self) -> None:
        """Start a fleet again that has died, so that the next cell finds one."""
        try:
            self.fleet.check_alive()
        except TrackproofError:
            self.fleet.restart()
        with suppress(TrackproofError):
            self._wait_for_fleet()


def _repeated(counts: list[EffectCount]) -> tuple[str, ...]:
    return tuple(str(count) for count in counts if count.holds and count.repeated)


def _scale_definitions(testbed: Testbed) -> None:
    for definition in testbed.rest.task_definitions():
        limits: dict[str, Any] = {
            "responseTimeoutSeconds": RESPONSE_SECONDS,
            "timeoutSeconds": TASK_SECONDS,
            "retryDelaySeconds": min(1, int(definition.get("retryDelaySeconds") or 0)),
        }
        testbed.rest.update_task_definition({**definition, **limits})

"""What has been seen of a run so far, for its reports."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from trackproof.contracts.load import load_contracts
from trackproof.errors import TrackproofError
from trackproof.events.runs import AttemptsSeen, Check, RunEnded, RunStarted, StepsSeen
from trackproof.events.steps import StepState
from trackproof.events.timeline import Cost
from trackproof.fleet import Fleet
from trackproof.lab import Testbed
from trackproof.runs.costs import read_costs
from trackproof.runs.evidence import secrets_of
from trackproof.runs.follow import Workflow
from trackproof.runs.progress import step_states
from trackproof.runs.timeline import timeline_of
from trackproof.suite.redaction import redacted, redacted_parts, secrets_in
from trackproof.verify.stream import Stream


class RunProgress:
    """What has been seen of a run so far; emits its events, without keys and signed URLs."""

    def __init__(self, stream: Stream, *, fleet: str, tracks: int, server: tuple[str, str]) -> None:
        """Start the time of the run.

        Args:
            stream: Takes the events.
            fleet: Name of the fleet's profile.
            tracks: Tracks of the meeting.
            server: Backend and version of the Conductor that was asked for.
        """
        self.secrets: tuple[str, ...] = ()
        """Every key in the fleet's configuration, once it is known."""
        self.workflow_id = ""
        """Empty until the workflow has started."""
        self._stream = stream
        self._fleet, self._tracks = fleet, tracks
        self._backend, self._version = server
        self._began = time.monotonic()
        self._steps = load_contracts().steps
        self._workflow: Mapping[str, Any] | None = None
        self._database_url = ""
        self._attempts: list[tuple[str, str]] = []
        self._ended = False

    def continue_run(self) -> None:
        """Go on with a run that has ended: it is retried from the failed task."""
        self._ended = False
        self._stream.emit(RunStarted(self.workflow_id, self._tracks, self._backend, self._version))

    def use(self, testbed: Testbed, fleet: Fleet) -> None:
        """Take the testbed and the fleet that have started."""
        self._backend, self._version = testbed.conductor.backend, testbed.conductor.version
        self._database_url = fleet.database_url
        self.secrets = (
            *secrets_of(testbed, fleet.database_url),
            *secrets_in(fleet.profile.environment),
        )

    def start(self, workflow_id: str) -> None:
        """Emit the start of the workflow."""
        self.workflow_id = workflow_id
        self._stream.emit(RunStarted(workflow_id, self._tracks, self._backend, self._version))

    def poll(self, workflow: Workflow) -> None:
        """Emit the state of every step."""
        self._workflow = workflow
        now = time.time()
        steps = tuple(step_states(self._steps, workflow, now))
        self._stream.emit(StepsSeen(redacted_parts(steps, self.secrets)))
        self._emit_timeline(workflow, now)

    def _emit_timeline(self, workflow: Workflow, now: float) -> None:
        """Emit the attempts if one has changed: a large meeting has hundreds."""
        timeline = timeline_of(workflow, None, now)
        state = [(one.task_id, one.status) for one in timeline.attempts]
        if state != self._attempts:
            self._attempts = state
            self._stream.emit(AttemptsSeen(redacted_parts(timeline, self.secrets)))

    def end(
        self, workflow: Mapping[str, Any], steps: Sequence[StepState], checks: Sequence[Check]
    ) -> RunEnded:
        """Emit the end of the run."""
        costs = None
        with suppress(TrackproofError):  # most fleets have no table of costs
            costs = read_costs(self._database_url, str(workflow["workflowId"]))
        return self._emit_end(workflow, costs, steps, checks)

    def end_early(self, reason: str) -> None:
        """Emit the end of a run that did not come to its verdict, with what was seen."""
        if self._ended:
            return
        workflow = self._workflow
        steps = step_states(self._steps, workflow, time.time()) if workflow else ()
        self._emit_end(workflow, None, steps, (), redacted(reason, self.secrets))

    def _emit_end(
        self,
        workflow: Mapping[str, Any] | None,
        costs: Mapping[str, Cost] | None,
        steps: Sequence[StepState],
        checks: Sequence[Check],
        interrupted: str = "",
    ) -> RunEnded:
        self._ended = True
        timeline = None
        if workflow is not None:
            timeline = redacted_parts(timeline_of(workflow, costs, time.time()), self.secrets)
        ended = RunEnded(
            status=str(workflow["status"]) if workflow else "",
            workflow_id=str(workflow["workflowId"]) if workflow else "",
            tracks=self._tracks,
            backend=self._backend,
            version=self._version,
            seconds=round(time.monotonic() - self._began, 3),
            steps=redacted_parts(tuple(steps), self.secrets),
            checks=tuple(checks),
            fleet=self._fleet,
            timeline=timeline,
            interrupted=interrupted,
        )
        self._stream.emit(ended)
        return ended

"""Meetings that Conductor does not finish go to the legacy pipeline (seed CUTOVER-002)."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager
from datetime import timedelta

import structlog
from sqlalchemy import Select, select

from reference_workers.platform.background import background_thread
from reference_workers.platform.client import (
    ConductorClient,
    ConductorError,
    ConductorRefusedError,
)
from reference_workers.platform.reconciler import is_unknown_workflow
from reference_workers.platform.state.models import Recording, Transcript, now
from reference_workers.platform.trigger.process import Trigger
from reference_workers.platform.trigger.workflow_start import started_workflow

HANDED_OVER = "the legacy pipeline processes the recording"
"""Reason of a terminated workflow."""

WATCHED_HOURS = 24
"""Age of a transcript up to which its workflow may come back."""

ENDED = "ended"
"""The reconciler may set `error` for a workflow that the server has lost."""

log = structlog.get_logger()


class FallbackWatch:
    """Background thread that watches running meetings while `running` is open."""

    def __init__(self, trigger: Trigger, *, seconds: float, after_seconds: float) -> None:
        """Create the watch.

        Args:
            trigger: What starts pipelines.
            seconds: Pause between two looks.
            after_seconds: Time without an answer of Conductor after which meetings fall back.
        """
        self._trigger = trigger
        self._seconds = seconds
        self._after_seconds = after_seconds
        self._stopping = threading.Event()
        self._silent_since: float | None = None
        self._unknown: set[str] = set()
        self._stopped_workflows: set[str] = set()

    def running(self) -> AbstractContextManager[None]:
        """Watch until the block ends."""
        return background_thread("fallback watch", self._run, self._stopping)

    def look(self, client: ConductorClient) -> None:
        """Look at every running meeting once.

        Raises:
            TransientError: The database does not answer.
        """
        try:
            self._stop_handed_over(client)
            for recording_id, workflow_id in self._recordings(_unfinished()):
                if workflow_id and self._is_lost(client, workflow_id):
                    cause = f"Conductor no longer knows workflow {workflow_id}"
                    self._trigger.fall_back(recording_id, cause)
            self._silent_since = None
        except ConductorError as error:  # no answer, or none of Conductor's
            self._silent_since = self._silent_since or time.monotonic()
            if time.monotonic() - self._silent_since >= self._after_seconds:
                running = _unfinished().where(Transcript.status != "error")
                for recording_id, _ in self._recordings(running):
                    self._trigger.fall_back(recording_id, str(error))

    def _is_lost(self, client: ConductorClient, workflow_id: str) -> bool:
        """Return whether the server answers for the second time that there is no such workflow."""
        try:
            client.workflow(workflow_id, tasks=False)
        except ConductorRefusedError as error:
            if not is_unknown_workflow(workflow_id, error):
                raise
            seen_before = workflow_id in self._unknown
            self._unknown.add(workflow_id)
            return seen_before
        self._unknown.discard(workflow_id)
        return False

    def _stop_handed_over(self, client: ConductorClient) -> None:
        """Terminate the workflows of meetings that the legacy pipeline has taken over."""
        for recording_id, workflow_id in self._recordings(_handed_over()):
            if recording_id in self._stopped_workflows:
                continue
            found = workflow_id or self._find(client, recording_id)
            if found is not None and self._terminate(client, found):
                self._stopped_workflows.add(recording_id)

    def _find(self, client: ConductorClient, recording_id: str) -> str | None:
        """Return a workflow that was started without an answer, and store it."""
        transcript_id = self._trigger.state.transcript_id_of_recording(recording_id)
        found = started_workflow(client, transcript_id) if transcript_id else None
        if found is not None:
            self._trigger.state.store_workflow(recording_id, found)
        return found

    def _terminate(self, client: ConductorClient, workflow_id: str) -> bool:
        """Terminate a workflow; return whether it does not run any more."""
        try:
            if client.status(workflow_id) not in ("RUNNING", "PAUSED"):
                return True
            client.terminate(workflow_id, HANDED_OVER)
        except ConductorRefusedError as error:
            if is_unknown_workflow(workflow_id, error):
                return True
            log.warning("cannot terminate", workflow_id=workflow_id, cause=str(error))
            return False
        log.warning("Terminated Conductor workflow", workflow_id=workflow_id, cause=HANDED_OVER)
        return True

    def _recordings(self, query: Select[str, str | None]) -> list[tuple[str, str | None]]:
        with self._trigger.state.read_session() as session:
            return [
                (recording_id, workflow_id) for recording_id, workflow_id in session.execute(query)
            ]

    def _run(self) -> None:
        with self._trigger.connect() as client:
            while not self._stopping.wait(self._seconds):
                try:
                    self.look(client)
                except Exception as error:  # look again later
                    log.warning("watching running meetings failed", cause=repr(error))


def _recent() -> Select[str, str | None]:
    return (
        select(Recording.id, Recording.workflow_id)
        .join(Transcript, Transcript.recording_id == Recording.id)
        .where(Transcript.created_at > now() - timedelta(hours=WATCHED_HOURS))
    )


def _unfinished() -> Select[str, str | None]:
    """Return the recordings that Conductor alone processes."""
    return _recent().where(
        Transcript.status != ENDED,
        Recording.legacy_task_id.is_(None),
        Recording.workflow_id.is_not(None),
    )


def _handed_over() -> Select[str, str | None]:
    """Return the recordings that the legacy pipeline processes, shadowed ones excepted."""
    shadowed = select(Transcript.shadow_of).where(Transcript.shadow_of.is_not(None))
    return _recent().where(Recording.legacy_task_id.is_not(None), Transcript.id.not_in(shadowed))

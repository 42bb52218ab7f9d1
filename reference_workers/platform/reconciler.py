"""Set the final status of transcripts whose workflow ended without a worker noticing.

A killed worker, a time-out or a terminated workflow leaves a transcript in `processing`. One
process of the fleet compares such transcripts with Conductor every few seconds.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from reference_workers.platform.background import background_thread
from reference_workers.platform.client import ConductorClient, ConductorRefusedError
from reference_workers.platform.progress import close_open_steps
from reference_workers.platform.state import leases
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.platform.state.repository import State
from reference_workers.platform.state.unit_of_work import UnitOfWork

ENDINGS = {
    "COMPLETED": "ended",
    "FAILED": "error",
    "TIMED_OUT": "error",
    "TERMINATED": "error",
}
"""Transcript status by the status of an ended workflow."""

STATUS_WITHOUT_WORKFLOW = "error"
"""Transcript status when Conductor no longer knows its workflow."""

LEASE = "reconciler"

log = structlog.get_logger()


class Reconciler:
    """Background thread that reconciles while `running` is open."""

    def __init__(
        self,
        state: State,
        connect: Callable[[], AbstractContextManager[ConductorClient]],
        *,
        seconds: float,
    ) -> None:
        """Create the reconciler; `running` starts its thread.

        Args:
            state: The database.
            connect: Opens a Conductor client.
            seconds: Pause between two runs.
        """
        self._state = state
        self._connect = connect
        self._seconds = seconds
        self._owner = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._refused: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Reconcile periodically until the block ends."""
        try:
            with background_thread("reconciler", self._run, self._stopping):
                yield
        finally:
            leases.release(self._state, LEASE, self._owner)

    def _run(self) -> None:
        with self._connect() as client:
            while not self._stopping.wait(self._seconds):
                try:
                    if leases.acquire(self._state, LEASE, self._owner, seconds=3 * self._seconds):
                        self.reconcile(client)
                except Exception as error:  # try again in the next run
                    log.warning("reconciling failed", cause=repr(error))

    def reconcile(self, client: ConductorClient) -> None:
        """Compare every unfinished transcript with its workflow.

        Raises:
            ConductorUnreachableError: Conductor does not answer.
            TransientError: The database does not answer.
        """
        for transcript_id, workflow_id in self._unfinished():
            try:
                workflow = client.workflow(workflow_id, tasks=False)  # its tasks may be megabytes
            except ConductorRefusedError as error:
                if workflow_id not in self._refused:  # log once, not in every run
                    log.warning(
                        "workflow status unknown", workflow_id=workflow_id, cause=str(error)
                    )
                elif is_unknown_workflow(workflow_id, error):  # for the second time in a row
                    workflow = {"workflowId": workflow_id, "tasks": []}
                    self._end(transcript_id, workflow_id, STATUS_WITHOUT_WORKFLOW, workflow)
                self._refused.add(workflow_id)
                continue
            self._refused.discard(workflow_id)
            if workflow["status"] in ENDINGS:
                workflow = client.workflow(workflow_id)
            if status := ENDINGS.get(workflow["status"]):
                self._end(transcript_id, workflow_id, status, workflow)
            if self._stopping.is_set():
                return

    def _unfinished(self) -> list[tuple[str, str]]:
        # A shadow's recording is that of the transcript it shadows, which the legacy pipeline ends.
        live = aliased(Transcript)
        recording_id = func.coalesce(Transcript.recording_id, live.recording_id)
        query = (
            select(Transcript.id, Recording.workflow_id)
            .outerjoin(live, Transcript.shadow_of == live.id)
            .join(Recording, Recording.id == recording_id)
            .where(Transcript.status.not_in(sorted(set(ENDINGS.values()))))
            .where(Recording.workflow_id.is_not(None))
            .where(Recording.legacy_task_id.is_(None) | Transcript.shadow_of.is_not(None))
        )
        with self._state.read_session() as session:
            return [(row_id, workflow) for row_id, workflow in session.execute(query) if workflow]

    def _end(
        self, transcript_id: str, workflow_id: str, status: str, workflow: dict[str, Any]
    ) -> None:
        close_open_steps(self._state, transcript_id, workflow)
        with self._state.unit_of_work(transcript_id) as unit:
            # Meanwhile a worker may have finished it, or another workflow may have started.
            if unit.transcript.status in ENDINGS.values() or _workflow_of(unit) != workflow_id:
                return
            unit.set_status(status)
        log.info("transcript reconciled", transcript_id=transcript_id, status=status)


def is_unknown_workflow(workflow_id: str, error: ConductorRefusedError) -> bool:
    """Return whether Conductor itself reports an unknown workflow, not a server a missing page."""
    # A server's error page may repeat the path, in which the id follows a slash.
    return error.status == HTTPStatus.NOT_FOUND and f" {workflow_id}" in error.message


def _workflow_of(unit: UnitOfWork) -> str | None:
    recording_id = unit.transcript.recording_id
    if unit.transcript.shadow_of is not None:
        live = unit.session.get(Transcript, unit.transcript.shadow_of)
        recording_id = live.recording_id if live else None
    recording = unit.session.get(Recording, recording_id) if recording_id else None
    return recording.workflow_id if recording else None

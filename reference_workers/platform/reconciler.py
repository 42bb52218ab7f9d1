"""Give every transcript an ending, also where no worker has seen the last failure.

A worker that dies, a time-out and a workflow somebody terminates leave a transcript as it was:
processing. One of the fleet's processes asks Conductor about those every few seconds.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from typing import Any

import structlog
from sqlalchemy import select

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
"""What a transcript's status is to be when its workflow has ended."""

STATUS_WITHOUT_WORKFLOW = "error"
"""What it is to be when Conductor knows its workflow no longer: nobody will work on it."""

LEASE = "reconciler"

log = structlog.get_logger()


class Reconciler:
    """A thread that looks for transcripts without an ending while `running` is open."""

    def __init__(
        self,
        state: State,
        connect: Callable[[], AbstractContextManager[ConductorClient]],
        *,
        seconds: float,
    ) -> None:
        """Prepare.

        Args:
            state: The database.
            connect: Opens a client of Conductor.
            seconds: Between two looks.
        """
        self._state = state
        self._connect = connect
        self._seconds = seconds
        self._owner = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._refused: set[str] = set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look again and again until the block ends."""
        thread = threading.Thread(target=self._run, name="reconciler")
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()
            leases.release(self._state, LEASE, self._owner)

    def _run(self) -> None:
        with self._connect() as client:
            while not self._stopping.wait(self._seconds):
                try:
                    if leases.acquire(self._state, LEASE, self._owner, seconds=3 * self._seconds):
                        self.reconcile(client)
                except Exception as error:  # whatever it is, the next look comes
                    log.warning("transcripts wait for their ending", cause=repr(error))

    def reconcile(self, client: ConductorClient) -> None:
        """Ask Conductor about every transcript whose workflow has not been seen to end.

        Raises:
            ConductorUnreachableError: Conductor does not answer.
            TransientError: The database does not answer.
        """
        for transcript_id, workflow_id in self._unfinished():
            try:
                workflow = client.workflow(workflow_id)
            except ConductorRefusedError as error:
                if workflow_id not in self._refused:  # said once, not at every look
                    log.warning("no ending known", workflow_id=workflow_id, cause=str(error))
                elif _is_unknown_workflow(workflow_id, error):  # twice in a row
                    workflow = {"workflowId": workflow_id, "tasks": []}
                    self._end(transcript_id, workflow_id, STATUS_WITHOUT_WORKFLOW, workflow)
                self._refused.add(workflow_id)
                continue
            self._refused.discard(workflow_id)
            if status := ENDINGS.get(workflow["status"]):
                self._end(transcript_id, workflow_id, status, workflow)
            if self._stopping.is_set():
                return

    def _unfinished(self) -> list[tuple[str, str]]:
        query = (
            select(Transcript.id, Recording.workflow_id)
            .join(Recording, Transcript.recording_id == Recording.id)
            .where(Transcript.status.not_in(sorted(set(ENDINGS.values()))))
            .where(Recording.workflow_id.is_not(None))
        )
        with self._state.read_session() as session:
            return [(one, workflow) for one, workflow in session.execute(query) if workflow]

    def _end(
        self, transcript_id: str, workflow_id: str, status: str, workflow: dict[str, Any]
    ) -> None:
        close_open_steps(self._state, transcript_id, workflow)
        with self._state.unit_of_work(transcript_id) as unit:
            # A worker may have ended it since, or another workflow may have begun.
            if unit.transcript.status in ENDINGS.values() or _workflow_of(unit) != workflow_id:
                return
            unit.set_status(status)
        log.info("transcript got its ending", transcript_id=transcript_id, status=status)


def _is_unknown_workflow(workflow_id: str, error: ConductorRefusedError) -> bool:
    """Tell whether it is Conductor that knows no such workflow, and not a server no such page."""
    # Who has no such page may repeat the path: there a slash comes before the id.
    return error.status == HTTPStatus.NOT_FOUND and f" {workflow_id}" in error.message


def _workflow_of(unit: UnitOfWork) -> str | None:
    recording = unit.session.get(Recording, unit.transcript.recording_id)
    return recording.workflow_id if recording else None

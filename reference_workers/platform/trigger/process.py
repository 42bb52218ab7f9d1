"""Process a finished recording: the one function at which webhook and polling meet."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from reference_workers.errors import PermanentError
from reference_workers.platform.client import ConductorClient
from reference_workers.platform.state import leases
from reference_workers.platform.state.models import Recording, Transcript, now
from reference_workers.platform.state.repository import State
from reference_workers.platform.trigger.recordings import (
    FinishedRecording,
    register_recording,
    register_shadow,
)
from reference_workers.platform.trigger.switch import Switch
from reference_workers.platform.trigger.tracks import check_track_key, filter_cam_audio_tracks
from reference_workers.platform.trigger.workflow_start import WorkflowStartError, start_workflow

START_LEASE_SECONDS = 120.0
"""Longer than all requests of one start; another process starts the recording after it."""

NEW = ("idle", "uploaded")
"""Statuses of a transcript that no pipeline has worked on."""

SendLegacyTask = Callable[[str, Transcript, Recording], None]
"""Sends the legacy pipeline's task, with this id, for a recording."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts pipelines; thread-safe."""

    state: State
    switch: Switch
    connect: Callable[[], AbstractContextManager[ConductorClient]]
    """Opens a Conductor client."""
    send_legacy_task: SendLegacyTask

    def process_multitrack_recording(self, recording: FinishedRecording) -> Transcript:
        """Start the pipelines that the switch names, each at most once for a recording.

        Returns at once for a recording that has them or that another process starts now.

        Raises:
            PermanentError: The recording has no microphone track, a track key is not acceptable,
                or no room has its name. Nothing was started.
            TransientError: The database does not answer.
        """
        track_keys = filter_cam_audio_tracks(map(check_track_key, recording.track_keys))
        if not track_keys:
            raise PermanentError(
                f"recording {recording.recording_id!r} has no microphone track among its "
                f"{len(recording.track_keys)} tracks"
            )
        transcript = register_recording(self.state, recording, track_keys)
        with self._exclusively(recording.recording_id) as row:
            if row is not None:
                self._start(row, transcript)
        return transcript

    def fall_back(self, recording_id: str, cause: str) -> bool:
        """Hand a recording over to the legacy pipeline; return whether its task was sent now."""
        transcript_id = self.state.transcript_id_of_recording(recording_id)
        if transcript_id is None:
            return False
        transcript = self.state.transcript(transcript_id)
        with self._exclusively(recording_id) as row:
            if row is None or row.legacy_task_id is not None:
                return False
            log.error(
                "Conductor does not process the recording, falling back to the legacy pipeline",
                cause=cause,
                recording_id=recording_id,
                transcript_id=transcript_id,
                workflow_id=row.workflow_id,
            )
            self._send_legacy(row, transcript)
        return True

    def _start(self, row: Recording, transcript: Transcript) -> None:
        # The legacy task is always the last to be sent, so whoever finds one finds all done.
        if row.legacy_task_id is not None:
            return
        if row.workflow_id is None:
            if self.state.transcript(transcript.id).status not in NEW:
                self._store_known_workflow(row, transcript)  # a pipeline has it already
                return
            started = self.switch.conductor and self._start_workflow(row, transcript)
            is_due = self.switch.legacy or (self.switch.fallback and not started)
        else:
            can_send = self.switch.legacy or self.switch.fallback
            is_due = can_send and self.state.shadow_id(transcript.id) is not None
        if is_due:
            self._send_legacy(row, transcript)

    def _start_workflow(self, row: Recording, transcript: Transcript) -> bool:
        """Start the workflow and store its id; return whether it runs."""
        subject = register_shadow(self.state, transcript) if self.switch.shadow else transcript
        requested_before = row.start_requested_at is not None
        self._record_request(row)
        workflow_id = self._worked_on(subject) if requested_before else None
        try:
            if workflow_id is None:
                with self.connect() as client:
                    workflow_id = start_workflow(
                        client,
                        self._workflow_input(row, transcript, subject),
                        may_run=requested_before,
                    )
        except WorkflowStartError as error:
            workflow_id = self._worked_on(subject)
            if workflow_id is None:
                self._log_failed_start(row, transcript, error)
                return False
        self.state.store_workflow(row.id, workflow_id)
        log.info(
            "Started Conductor workflow",
            workflow_id=workflow_id,
            transcript_id=transcript.id,
            recording_id=row.id,
        )
        return True

    def _store_known_workflow(self, row: Recording, transcript: Transcript) -> None:
        """Store a workflow that was started by a process that ended before it could."""
        workflow_id = self._worked_on(transcript)
        if workflow_id is not None:
            self.state.store_workflow(row.id, workflow_id)

    def _worked_on(self, subject: Transcript) -> str | None:
        """Return the workflow of a transcript of which a worker has had a task.

        Some servers do not list a workflow that has ended.
        """
        known = self.state.workflows_of(subject.id)
        return known[-1] if known else None

    def _log_failed_start(
        self, row: Recording, transcript: Transcript, error: WorkflowStartError
    ) -> None:
        log.error(
            "Conductor workflow start failed"
            + (", falling back to the legacy pipeline" if self.switch.fallback else ""),
            cause=str(error),
            recording_id=row.id,
            transcript_id=transcript.id,
            may_run=not error.is_certain,
            exc_info=error,
        )

    def _record_request(self, row: Recording) -> None:
        """Store that a start is requested now: this process may end before it stores the result."""
        with self.state.write_session() as session:
            session.get_one(Recording, row.id).start_requested_at = now()

    def _workflow_input(
        self, row: Recording, transcript: Transcript, subject: Transcript
    ) -> dict[str, Any]:
        room = self.state.room(transcript.room_id)
        return {
            "recording_id": row.id,
            "room_name": room.name if room else "",
            "tracks": [{"s3_key": key} for key in row.track_keys],
            "bucket_name": row.bucket_name,
            "transcript_id": subject.id,
            "room_id": subject.room_id,
            "source_language": transcript.source_language,
            "target_language": transcript.target_language,
        }

    def _send_legacy(self, row: Recording, transcript: Transcript) -> None:
        # Sent before it is stored: a task that is sent twice works once, a lost one never would.
        task_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"legacy {transcript.id}"))
        self.send_legacy_task(task_id, transcript, row)
        with self.state.write_session() as session:
            stored = session.get(Recording, row.id)
            if stored is not None:
                stored.legacy_task_id = task_id
        log.info("Sent legacy task", task_id=task_id, transcript_id=transcript.id)

    @contextmanager
    def _exclusively(self, recording_id: str) -> Iterator[Recording | None]:
        """Yield the recording's row as the only starter; None if another process is at it."""
        name, owner = f"trigger/{recording_id}", uuid.uuid4().hex
        if not leases.acquire(self.state, name, owner, seconds=START_LEASE_SECONDS):
            yield None
            return
        try:
            with self.state.read_session() as session:
                row = session.get(Recording, recording_id)
            yield row
        finally:
            leases.release(self.state, name, owner)

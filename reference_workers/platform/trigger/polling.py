"""The polling loop: finished recordings of which no webhook came."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager

import structlog

from reference_workers.errors import MissingError, PermanentError, TransientError, WorkerError
from reference_workers.platform.background import background_thread
from reference_workers.platform.trigger.daily_webhook import recording_of
from reference_workers.platform.trigger.process import Trigger
from reference_workers.services.daily import Daily

log = structlog.get_logger()


class RecordingPoller:
    """Background thread that asks Daily for finished recordings while `running` is open."""

    def __init__(self, trigger: Trigger, daily: Daily, *, bucket_name: str, seconds: float) -> None:
        """Create the poller.

        Args:
            trigger: What starts pipelines.
            daily: Daily's REST API.
            bucket_name: The bucket of the raw tracks.
            seconds: Pause between two rounds.
        """
        self._trigger = trigger
        self._daily = daily
        self._bucket_name = bucket_name
        self._seconds = seconds
        self._stopping = threading.Event()
        self._refused: set[str] = set()

    def running(self) -> AbstractContextManager[None]:
        """Poll periodically until the block ends."""
        return background_thread("recording poller", self._run, self._stopping)

    def poll(self) -> None:
        """Start the pipelines of all finished recordings that have none.

        Raises:
            WorkerError: Daily or the database does not answer.
        """
        for described in self._daily.finished_recordings():
            if self._stopping.is_set():
                return
            recording_id = str(described.get("id"))
            if recording_id in self._refused:
                continue
            try:
                self._trigger.process_multitrack_recording(
                    recording_of(described, self._bucket_name)
                )
            except MissingError as error:  # its room may be created
                log.info("recording of no known room", recording_id=recording_id, cause=str(error))
            except PermanentError as error:
                self._refused.add(recording_id)  # log once, not in every round
                log.warning("recording refused", recording_id=recording_id, cause=str(error))
            except TransientError as error:  # the others may be started
                log.warning("recording not started", recording_id=recording_id, cause=str(error))

    def _run(self) -> None:
        while True:
            try:
                self.poll()
            except WorkerError as error:
                log.warning("polling for recordings failed", cause=str(error))
            except Exception as error:  # try again in the next round
                log.exception("polling for recordings failed", cause=repr(error))
            if self._stopping.wait(self._seconds):
                return

"""A whole meeting in one function: the workers' functions one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import stamina
import structlog

from reference_workers import metrics
from reference_workers.context import Clients, Context
from reference_workers.errors import TransientError, WorkerError
from reference_workers.platform.costs import store_cost, task_cost
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.workers import WORKERS

ATTEMPTS = 4
"""Of each step, as with the contracts' retryCount of 3."""

log = structlog.get_logger()


def run_pipeline(
    clients: Clients, transcript_id: str, bucket_name: str, keys: Sequence[str]
) -> None:
    """Turn a recording into a finished transcript; of one that has ended, only honour consent.

    Args:
        clients: Clients of everything outside the process.
        transcript_id: The transcript.
        bucket_name: The bucket of the raw tracks.
        keys: The raw tracks' keys; a track's position is its track_index.

    Raises:
        WorkerError: A required step failed; the transcript's status is `error`.
    """
    transcript = clients.state.transcript(transcript_id)
    recording = clients.state.recording_of(transcript)
    meeting = _Meeting(clients, transcript, recording)
    if transcript.status == "ended":  # by a worker that may have been killed after that
        meeting.clean_up()
        return
    try:
        meeting.set_status("processing")
        meeting.process(bucket_name, keys)
    except Exception:
        meeting.set_status("error")
        raise
    meeting.deliver()


class _Meeting:
    """One meeting on its way through the steps."""

    def __init__(
        self, clients: Clients, transcript: Transcript, recording: Recording | None
    ) -> None:
        self._clients = clients
        self._transcript = transcript
        self._recording = recording

    def process(self, bucket_name: str, keys: Sequence[str]) -> None:
        """Run the required steps."""
        transcript = self._transcript
        session_id = None
        if self._recording is not None:
            session_id = self._run("get_recording", recording_id=self._recording.id)[
                "mtg_session_id"
            ]
        self._run_own("get_participants", mtg_session_id=session_id)
        padded = [
            self._run_own(
                "pad_track",
                f"pad_track_{index}",
                track_index=index,
                s3_key=key,
                bucket_name=bucket_name,
            )
            for index, key in enumerate(keys)
        ]
        mixdown = self._run_own(
            "mixdown_tracks", padded_urls=[track["padded_url"] for track in padded]
        )
        self._run_own("generate_waveform", audio_key=mixdown["audio_key"])
        transcripts = [
            self._run_own(
                "transcribe_track",
                f"transcribe_track_{index}",
                track_index=index,
                audio_url=track["padded_url"],
                language=transcript.source_language,
            )
            for index, track in enumerate(padded)
        ]
        words = self._run_own("merge_transcripts", transcripts=transcripts)["all_words"]
        topics = self._run_own(
            "detect_topics", words=words, target_language=transcript.target_language
        )["topics"]
        title = self._run_own("generate_title", topics=topics)["title"]
        summaries = self._run_own("generate_summary", words=words, topics=topics)
        self._run_own("finalize", title=title, duration=mixdown["duration"], **summaries)
        self.clean_up()

    def clean_up(self) -> None:
        """Honour denied consent; again, it changes nothing."""
        self._run_own("cleanup_consent")

    def deliver(self) -> None:
        """Run the optional steps: their failure does not fail the meeting."""
        with _logged_failure("post_zulip"):
            self._run_own("post_zulip")
        with _logged_failure("send_webhook"):
            self._run_own("send_webhook", room_id=self._transcript.room_id)

    def set_status(self, status: str) -> None:
        """Set the transcript's status."""
        with self._clients.state.unit_of_work(self._transcript.id) as unit:
            unit.set_status(status)

    def _run_own(self, task: str, reference: str = "", **arguments: Any) -> dict[str, Any]:
        """Run a step about the transcript."""
        return self._run(task, reference, transcript_id=self._transcript.id, **arguments)

    def _run(self, task: str, reference: str = "", **arguments: Any) -> dict[str, Any]:
        name, run = reference or task, f"legacy {self._transcript.id}"
        context = Context(self._clients, workflow_id=run, task_id=f"{run} {name}", reference=name)
        for attempt in stamina.retry_context(TransientError, attempts=ATTEMPTS, wait_initial=1.0):
            with attempt, self._recorded(context, task):
                output = WORKERS[task](context, **arguments)
        return output

    @contextmanager
    def _recorded(self, context: Context, task: str) -> Iterator[None]:
        """Store the seconds of a step beside those of Conductor's tasks."""
        began, status = time.monotonic(), "FAILED"
        with metrics.measure() as meter:
            try:
                yield
                status = "COMPLETED"
            finally:
                seconds = time.monotonic() - began
                cost = task_cost(
                    context, task, self._transcript.id, status=status, seconds=seconds, meter=meter
                )
                store_cost(self._clients.state, cost)


@contextmanager
def _logged_failure(task: str) -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        log.error("delivery failed", task=task, cause=str(error))

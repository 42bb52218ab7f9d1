"""The legacy pipeline's Celery app, and the sending of its one task."""

from __future__ import annotations

from pathlib import Path

from celery import Celery
from celery.exceptions import OperationalError

from reference_workers.errors import TransientError
from reference_workers.platform.state.models import Recording, Transcript
from reference_workers.settings import Settings

TASK = "task_pipeline_multitrack_process"

BROKER_SECONDS = 10.0
"""Time limit for one answer of Redis."""


def create_app(settings: Settings) -> Celery:
    """Return an app with the configured broker; results are not kept."""
    app = Celery("legacy", broker=settings.celery_broker_url or "filesystem://localhost")
    app.conf.update(
        task_acks_late=True,  # a broker such as Redis delivers a killed worker's task again
        task_reject_on_worker_lost=True,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        worker_prefetch_multiplier=1,
    )
    if not settings.celery_broker_url:
        app.conf.broker_transport_options = _folders(settings.data_dir / "celery")
    elif settings.celery_broker_url.startswith("redis"):
        app.conf.broker_transport_options = {
            "socket_timeout": BROKER_SECONDS,
            "socket_connect_timeout": BROKER_SECONDS,
        }
    return app


def send_task(
    settings: Settings, task_id: str, transcript: Transcript, recording: Recording
) -> None:
    """Send the legacy task for a recording.

    Raises:
        TransientError: The broker does not answer.
    """
    arguments = {
        "transcript_id": transcript.id,
        "bucket_name": recording.bucket_name,
        "track_keys": list(recording.track_keys),
    }
    with create_app(settings) as app:
        try:
            app.send_task(TASK, task_id=task_id, kwargs=arguments, retry=False)
        except (OperationalError, OSError) as error:
            raise TransientError("the legacy pipeline's broker does not answer") from error


def _folders(folder: Path) -> dict[str, str]:
    """Return the options of the broker in the file system."""
    queue, control, processed = folder / "queue", folder / "control", folder / "processed"
    for one in (queue, control, processed):
        one.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        "processed_folder": str(processed),
    }

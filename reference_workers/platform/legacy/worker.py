"""The legacy pipeline's worker: `celery -A reference_workers.platform.legacy.worker worker`."""

from __future__ import annotations

import uuid
from typing import Any

import structlog

from reference_workers.context import Clients
from reference_workers.platform import log
from reference_workers.platform.legacy.app import TASK, create_app
from reference_workers.platform.legacy.pipeline import run_pipeline
from reference_workers.platform.redaction import secrets_of
from reference_workers.platform.state import leases
from reference_workers.settings import Settings

LEASE_SECONDS = 2 * 3600.0
"""Longer than a meeting's processing; after it, another worker takes over from a killed one."""

RETRY_SECONDS = 300
"""Pause before a task is looked at again whose meeting another worker processes."""

app = create_app(Settings())


@app.task(name=TASK, bind=True, max_retries=None)  # type: ignore[untyped-decorator]  # Celery is untyped
def task_pipeline_multitrack_process(
    task: Any, transcript_id: str, bucket_name: str, track_keys: list[str]
) -> None:
    """Process a recording once, however often the task is delivered."""
    settings = Settings()
    log.configure(
        debug=settings.conductor_debug,
        as_json=settings.log_format == "json",
        secrets=secrets_of(settings),
    )
    with (
        structlog.contextvars.bound_contextvars(transcript_id=transcript_id, pipeline="legacy"),
        Clients.open(settings) as clients,
    ):
        name, owner = f"legacy/{transcript_id}", uuid.uuid4().hex
        if not leases.acquire(clients.state, name, owner, seconds=LEASE_SECONDS):
            # Another worker is at it, or was killed: its task is done then, or taken over.
            raise task.retry(countdown=RETRY_SECONDS)
        try:
            run_pipeline(clients, transcript_id, bucket_name, track_keys)
        finally:
            leases.release(clients.state, name, owner)

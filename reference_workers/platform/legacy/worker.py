"""The legacy pipeline's worker: `celery -A reference_workers.platform.legacy.worker worker`."""

from __future__ import annotations

import uuid

import structlog

from reference_workers.context import Clients
from reference_workers.platform import log
from reference_workers.platform.legacy.app import TASK, create_app
from reference_workers.platform.legacy.pipeline import run_pipeline
from reference_workers.platform.redaction import secrets_of
from reference_workers.platform.state import leases
from reference_workers.settings import Settings

LEASE_SECONDS = 8 * 3600.0
"""Longer than any meeting's processing."""

app = create_app(Settings())


@app.task(name=TASK)  # type: ignore[untyped-decorator]  # Celery is untyped
def task_pipeline_multitrack_process(
    transcript_id: str, bucket_name: str, track_keys: list[str]
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
            return  # another worker is at it
        try:
            if clients.state.transcript(transcript_id).status == "ended":
                return
            run_pipeline(clients, transcript_id, bucket_name, track_keys)
        finally:
            leases.release(clients.state, name, owner)

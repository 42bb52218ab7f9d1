"""Honour denied consent (contract: contracts/tasks/cleanup_consent.yaml)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog

from reference_workers.context import Context, clear_abandoned_scratch
from reference_workers.errors import WorkerError
from reference_workers.services.object_keys import (
    LIST_KINDS,
    ListKind,
    audio_key,
    list_prefix,
    list_sha256,
    padded_prefix,
)
from reference_workers.services.storage import Storage

log = structlog.get_logger()


def cleanup_consent(context: Context, *, transcript_id: str) -> dict[str, Any]:
    """Delete all audio of the meeting if anybody denied consent; idempotent.

    A single voice cannot be removed from the mixdown, and other tracks may contain it: raw
    tracks, padded tracks and the mixdown are all deleted. Lists of single tracks are temporary and
    deleted in every meeting.
    """
    state = context.clients.state
    transcript = state.transcript(transcript_id)
    denied = [answer for answer in state.consents(transcript_id) if not answer.granted]
    if not denied:
        _delete_temporary_lists(context.clients.storage, transcript_id)
        return {"audio_deleted": False, "reason": None}

    storage = context.clients.storage
    recording = state.recording_of(transcript)
    # A shadow run leaves the raw tracks to the pipeline that counts.
    if recording is not None and transcript.shadow_of is None:
        for key in recording.track_keys:
            storage.delete(key, bucket=recording.bucket_name)
    for key in [*storage.keys(padded_prefix(transcript_id)), audio_key(transcript_id)]:
        storage.delete(key)
    _delete_lists(storage, transcript_id, LIST_KINDS)
    clear_abandoned_scratch()  # a killed attempt may have left the audio
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.audio_deleted = True
    return {"audio_deleted": True, "reason": f"consent denied by {len(denied)} participant(s)"}


def _delete_temporary_lists(storage: Storage, transcript_id: str) -> None:
    """Delete the lists that no later task reads; a failure fails no finished meeting."""
    try:
        _delete_lists(storage, transcript_id, ["track_words"])
    except WorkerError as error:
        log.warning("temporary lists are left", cause=str(error))


def _delete_lists(storage: Storage, transcript_id: str, kinds: Iterable[ListKind]) -> None:
    for kind in kinds:
        for key in storage.keys(list_prefix(kind, transcript_id)):
            if list_sha256(kind, transcript_id, key):  # the id of another may begin with this key
                storage.delete(key)

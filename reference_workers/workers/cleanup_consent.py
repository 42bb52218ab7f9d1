"""Honour denied consent (contract: contracts/tasks/cleanup_consent.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.context import Context, clear_abandoned_scratch
from reference_workers.services.object_keys import audio_key, padded_prefix


def cleanup_consent(context: Context, *, transcript_id: str) -> dict[str, Any]:
    """Delete all audio of the meeting if anybody denied consent; idempotent.

    A single voice cannot be removed from the mixdown, and other tracks may contain it: raw
    tracks, padded tracks and the mixdown are all deleted.
    """
    state = context.clients.state
    transcript = state.transcript(transcript_id)
    denied = [answer for answer in state.consents(transcript_id) if not answer.granted]
    if not denied:
        return {"audio_deleted": False, "reason": None}

    storage = context.clients.storage
    recording = state.recording_of(transcript)
    # A shadow run leaves the raw tracks to the pipeline that counts.
    if recording is not None and transcript.shadow_of is None:
        for key in recording.track_keys:
            storage.delete(key, bucket=recording.bucket_name)
    for key in [*storage.keys(padded_prefix(transcript_id)), audio_key(transcript_id)]:
        storage.delete(key)
    clear_abandoned_scratch()  # a killed attempt may have left the audio
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.audio_deleted = True
    return {"audio_deleted": True, "reason": f"consent denied by {len(denied)} participant(s)"}

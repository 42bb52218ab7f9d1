"""Mix all tracks into one MP3 (contract: contracts/tasks/mixdown_tracks.yaml)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_workers.audio.mixer import write_mixdown
from reference_workers.context import Context
from reference_workers.services.object_keys import audio_key


def mixdown_tracks(
    context: Context, *, padded_urls: Sequence[str], transcript_id: str
) -> dict[str, Any]:
    """Return the mixdown's key, duration (seconds) and size (bytes)."""
    storage = context.clients.storage
    key = audio_key(transcript_id)
    context.clients.state.transcript(transcript_id)  # before anything is uploaded for it
    limits = context.media_limits("mixdown_tracks", transcript_id)
    with limits, context.scratch(".mp3") as path:
        duration = write_mixdown([storage.presign_again(url) for url in padded_urls], path)
        size = storage.put_file(key, path, content_type="audio/mpeg")
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.duration = duration
        unit.emit("DURATION", {"duration": duration})
    return {"audio_key": key, "duration": duration, "size": size}

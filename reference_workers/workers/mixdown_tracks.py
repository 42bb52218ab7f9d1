"""Mix all tracks into one MP3 (contract: contracts/tasks/mixdown_tracks.yaml)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_workers.audio.mixer import write_mixdown
from reference_workers.context import Context
from reference_workers.platform.state.object_keys import audio_key


def mixdown_tracks(
    context: Context, *, padded_urls: Sequence[str], transcript_id: str
) -> dict[str, Any]:
    """Return the key of the mixdown, its audible seconds and its bytes."""
    storage = context.clients.storage
    key = audio_key(transcript_id)
    with context.scratch(".mp3") as path:
        duration = write_mixdown([storage.freshly_signed(url) for url in padded_urls], path)
        size = storage.put_file(key, path, content_type="audio/mpeg")
    with context.edit(transcript_id) as edit:
        edit.transcript.duration = duration
        edit.emit("DURATION", {"duration": duration})
    return {"audio_key": key, "duration": duration, "size": size}

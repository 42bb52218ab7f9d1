"""Pad one track to the start of the meeting (contract: contracts/tasks/pad_track.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.audio.padding import has_several_streams, offset_seconds, write_padded
from reference_workers.context import Context
from reference_workers.services.object_keys import padded_key


def pad_track(
    context: Context, *, track_index: int, s3_key: str, bucket_name: str, transcript_id: str
) -> dict[str, Any]:
    """Return a URL of the padded track, or of the source if its offset is 0.

    Several audio streams are always mixed into one, so that no reader misses one.
    """
    storage = context.clients.storage
    source = storage.presign(s3_key, bucket=bucket_name)
    size = storage.size(s3_key, bucket=bucket_name)
    offset = offset_seconds(source)
    if offset <= 0 and not has_several_streams(source):
        return {"padded_url": source, "size": size, "track_index": track_index}

    key = padded_key(transcript_id, track_index)
    with context.media_limits("pad_track", transcript_id), context.scratch(".webm") as path:
        write_padded(source, path, offset)
        size = storage.put_file(key, path, content_type="audio/webm")
    return {"padded_url": storage.presign(key), "size": size, "track_index": track_index}

"""Where the contracts put a meeting's audio, in the transcripts' bucket."""

from __future__ import annotations

from trackproof.contracts.load import load_contracts

TASKS = load_contracts().tasks
PRESIGN_SECONDS = int(TASKS["pad_track"].effects["presign_seconds"])


def padded_key(transcript_id: object, index: int) -> str:
    """Return the key of a padded track."""
    key = TASKS["pad_track"].stored_key
    return key.format(transcript_id=transcript_id, track_index=index)


def mixdown_key(transcript_id: object) -> str:
    """Return the key of the mixdown."""
    return TASKS["mixdown_tracks"].stored_key.format(transcript_id=transcript_id)

"""Object keys and file paths of a transcript's artifacts, as the contracts define them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from trackproof.contracts.load import load_contracts

_MIXDOWN = load_contracts().tasks["mixdown_tracks"].stored_key
_PADDED = load_contracts().tasks["pad_track"].stored_key


def audio_key(transcript_id: str) -> str:
    """Return the key of the mixdown in the transcripts' bucket."""
    return _MIXDOWN.format(transcript_id=transcript_id)


def padded_key(transcript_id: str, track_index: int) -> str:
    """Return the key of a padded track in the transcripts' bucket."""
    return _PADDED.format(transcript_id=transcript_id, track_index=track_index)


def padded_prefix(transcript_id: str) -> str:
    """Return the common prefix of the padded tracks' keys."""
    return _PADDED.partition("{track_index}")[0].format(transcript_id=transcript_id)


def waveform_file(data_dir: Path, transcript_id: str) -> Path:
    """Return the path of the waveform; the untrusted id is quoted and cannot leave `data_dir`."""
    return data_dir / f"transcript-{quote(transcript_id, safe='')}" / "waveform.json"

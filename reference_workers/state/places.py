"""Where a transcript's files are, for who writes them and for who serves them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote


def audio_key(transcript_id: str) -> str:
    """Return the key of the mixdown in the transcripts' bucket."""
    return f"{transcript_id}/audio.mp3"


def waveform_file(data_dir: Path, transcript_id: str) -> Path:
    """Return the file with the peaks.

    The id is quoted and prefixed: one from outside must not choose a path.
    """
    return data_dir / f"transcript-{quote(transcript_id, safe='')}" / "waveform.json"

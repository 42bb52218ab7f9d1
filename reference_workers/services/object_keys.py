"""Object keys and file paths of a transcript's artifacts, as the contracts define them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import quote

from trackproof.contracts.load import load_contracts

_MIXDOWN = load_contracts().tasks["mixdown_tracks"].stored_key
_PADDED = load_contracts().tasks["pad_track"].stored_key

_SHA256 = re.compile("[0-9a-f]{64}")

ListKind = Literal["track_words", "words", "topics"]
"""The lists that a task hands on: one track's words, all words, the topics."""

LIST_KINDS: tuple[ListKind, ...] = get_args(ListKind)
_LISTS: dict[ListKind, str] = {
    "track_words": load_contracts().tasks["transcribe_track"].stored_key,
    "words": load_contracts().tasks["merge_transcripts"].stored_key,
    "topics": load_contracts().tasks["detect_topics"].stored_key,
}


def audio_key(transcript_id: str) -> str:
    """Return the key of the mixdown in the transcripts' bucket."""
    return _MIXDOWN.format(transcript_id=transcript_id)


def padded_key(transcript_id: str, track_index: int) -> str:
    """Return the key of a padded track in the transcripts' bucket."""
    return _PADDED.format(transcript_id=transcript_id, track_index=track_index)


def padded_prefix(transcript_id: str) -> str:
    """Return the common prefix of the padded tracks' keys."""
    return _PADDED.partition("{track_index}")[0].format(transcript_id=transcript_id)


def list_key(kind: ListKind, transcript_id: str, sha256: str) -> str:
    """Return the key of a list by reference in the transcripts' bucket."""
    return _LISTS[kind].format(transcript_id=transcript_id, sha256=sha256)


def list_prefix(kind: ListKind, transcript_id: str) -> str:
    """Return the common prefix of a transcript's lists of one kind."""
    return _LISTS[kind].partition("{sha256}")[0].format(transcript_id=transcript_id)


def list_sha256(kind: ListKind, transcript_id: str, key: str) -> str | None:
    """Return the SHA-256 in a list's key; None for a key of another kind or transcript."""
    prefix, suffix = list_prefix(kind, transcript_id), _LISTS[kind].partition("{sha256}")[2]
    digest = key.removeprefix(prefix).removesuffix(suffix)
    return digest if f"{prefix}{digest}{suffix}" == key and _SHA256.fullmatch(digest) else None


def waveform_file(data_dir: Path, transcript_id: str) -> Path:
    """Return the path of the waveform; the untrusted id is quoted and cannot leave `data_dir`."""
    return data_dir / f"transcript-{quote(transcript_id, safe='')}" / "waveform.json"

"""Merge the words of all tracks (contract: contracts/tasks/merge_transcripts.yaml)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reference_workers.context import Context

Transcript = Mapping[str, Any]


def merge_transcripts(
    context: Context,
    *,
    transcripts: Sequence[Transcript] | Mapping[str, Transcript],
    transcript_id: str,
) -> dict[str, Any]:
    """Return all words sorted by start time, then by speaker."""
    branches = transcripts.values() if isinstance(transcripts, Mapping) else transcripts
    words = [word for branch in branches for word in branch["words"]]
    words.sort(key=lambda word: (word["start"], word["speaker"]))
    with context.unit_of_work(transcript_id) as unit:
        unit.transcript.words = words
        text = " ".join(word["word"] for word in words)
        unit.emit("TRANSCRIPT", {"text": text, "translation": None})
    return {"all_words": words, "word_count": len(words)}

"""Have one track transcribed (contract: contracts/tasks/transcribe_track.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.context import Context
from reference_workers.errors import TransientError


def transcribe_track(
    context: Context,
    *,
    track_index: int,
    audio_url: str,
    language: str,
    transcript_id: str | None,
) -> dict[str, Any]:
    """Return the track's words in time order, each with the track as its speaker."""
    url = context.clients.storage.freshly_signed(audio_url)
    answer = context.clients.modal.transcribe(url, language)
    try:
        words = [
            {
                "word": text,
                "start": float(heard["start"]),
                "end": float(heard["end"]),
                "speaker": track_index,
            }
            for heard in answer["words"]
            if (text := heard["word"].strip())  # blanks only are no word
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError("transcription: the words are not in their usual shape") from error
    words.sort(key=lambda word: word["start"])
    return {"words": words, "track_index": track_index}

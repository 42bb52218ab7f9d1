"""Transcribe one track (contract: contracts/tasks/transcribe_track.yaml)."""

from __future__ import annotations

from typing import Any

from reference_workers.context import Context
from reference_workers.errors import TransientError, WorkerError


def transcribe_track(
    context: Context,
    *,
    track_index: int,
    audio_url: str,
    language: str,
    transcript_id: str | None,
) -> dict[str, Any]:
    """Return the track's words in time order, with the track index as speaker."""
    clients = context.clients
    url = clients.storage.presign_again(audio_url)

    def transcribe() -> list[dict[str, Any]]:
        return _words(clients.modal.transcribe(url, language))

    try:
        content = clients.storage.sha256(url)
    except WorkerError:
        words = transcribe()  # only the service can reach this URL, or it reports the error
    else:
        words = clients.cache.get_or_compute(
            "transcribe_track",
            [content, language, clients.settings.transcript_model],
            transcribe,
            timeout=clients.settings.transcription_timeout_seconds,
        )
    # The cached words have no speaker: the same audio may be another track next time.
    tagged = [{**word, "speaker": track_index} for word in words]
    return {"words": tagged, "track_index": track_index}


def _words(answer: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        words = [
            {"word": text, "start": float(word["start"]), "end": float(word["end"])}
            for word in answer["words"]
            if (text := word["word"].strip())
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TransientError("transcription: unexpected shape of the words") from error
    return sorted(words, key=lambda word: word["start"])

"""Transcribe one track (contract: contracts/tasks/transcribe_track.yaml)."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from reference_workers.context import Context
from reference_workers.errors import OutageError, WorkerError
from reference_workers.services.recognised_words import recognised_words

_WORDS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["word", "start", "end"],
        "properties": {
            "word": {"type": "string", "minLength": 1},
            "start": {"type": "number", "minimum": 0},
            "end": {"type": "number", "minimum": 0},
        },
    },
}
"""Cached words; they have no speaker, since the same audio may be another track next time."""


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
        return recognised_words(clients.modal.transcribe(url, language))

    try:
        content = clients.storage.sha256(url)
    except OutageError:
        raise  # the service cannot read the audio either, and would refuse it for good
    except WorkerError:
        words = transcribe()  # only the service can reach this URL, or it reports the error
    else:
        words = clients.cache.get_or_compute(
            "transcribe_track",
            [content, language, clients.settings.transcript_model],
            transcribe,
            accept=_are_words,
            timeout=clients.settings.transcription_timeout_seconds,
        )
    tagged = [{**word, "speaker": track_index} for word in words]
    return {"words": tagged, "track_index": track_index}


def _are_words(value: object) -> bool:
    return jsonschema_rs.is_valid(_WORDS, value)

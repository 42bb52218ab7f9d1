"""Client for the transcription service (Modal)."""

from __future__ import annotations

from typing import Any

from reference_workers.services.http import fetch_json, open_client
from reference_workers.settings import Settings

_MAX_BYTES = 64_000_000
"""Size limit of an answer. The words of a track of ten hours have about 10 MB."""


class Modal:
    """Client for transcriptions of audio URLs."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client; transcribing a long track may take minutes."""
        self._client = open_client(
            base_url=settings.transcript_url,
            headers={
                "Authorization": f"Bearer {settings.transcript_modal_api_key.get_secret_value()}"
            },
            timeout=settings.transcription_timeout_seconds,
        )

    def transcribe(self, audio_url: str, language: str) -> dict[str, Any]:
        """Return `{text?, words: [{word, start, end}]}`, times in seconds of the audio."""
        return fetch_json(
            self._client,
            "POST",
            "/v1/audio/transcriptions-from-url",
            json={"audio_file_url": audio_url, "language": language, "batch": True},
            max_bytes=_MAX_BYTES,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

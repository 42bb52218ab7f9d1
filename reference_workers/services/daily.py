"""The part of Daily's REST API that the pipeline uses."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from reference_workers.services.http import fetch_json, open_client
from reference_workers.settings import Settings


class Daily:
    """Client for recordings and participants."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client with the API key as bearer token."""
        self._client = open_client(
            base_url=settings.daily_api_url,
            headers={"Authorization": f"Bearer {settings.daily_api_key.get_secret_value()}"},
            timeout=settings.outside_timeout_seconds,
        )

    def recording(self, recording_id: str) -> dict[str, Any]:
        """Return one recording's metadata."""
        return fetch_json(self._client, "GET", f"/recordings/{quote(recording_id, safe='')}")

    def participants(self, session_id: str) -> dict[str, Any]:
        """Return a meeting session's participants under `data`."""
        path = f"/meetings/{quote(session_id, safe='')}/participants"
        return fetch_json(self._client, "GET", path)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

"""The part of Daily's REST API that the pipeline uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from reference_workers.errors import TransientError
from reference_workers.services.http import fetch_json, open_client
from reference_workers.settings import Settings

PAGE_SIZE = 100
"""Entries of a page; Daily's maximum."""

MAX_PAGES = 100
"""Limit of one listing, in case a page never ends the list."""


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

    def finished_recordings(self) -> Iterator[dict[str, Any]]:
        """Yield all finished recordings, the newest first, page by page."""
        after: str | None = None
        for _ in range(MAX_PAGES):
            query = {"limit": PAGE_SIZE} | ({"starting_after": after} if after else {})
            page = fetch_json(self._client, "GET", "/recordings", params=query).get("data")
            if not isinstance(page, list) or not page:
                return
            recordings = [one for one in page if isinstance(one, dict)]
            yield from (one for one in recordings if one.get("status") == "finished")
            last = page[-1].get("id") if isinstance(page[-1], dict) else None
            if not isinstance(last, str) or last == after or len(page) < PAGE_SIZE:
                return
            after = last

    def participants(self, session_id: str) -> list[dict[str, Any]]:
        """Return all participants of a meeting session, page by page.

        Raises:
            TransientError: No answer, or an answer of another shape.
            PermanentError: Daily refuses.
        """
        path = f"/meetings/{quote(session_id, safe='')}/participants"
        people: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": PAGE_SIZE}
        while True:
            page = fetch_json(self._client, "GET", path, params=query).get("data")
            if not isinstance(page, list) or not all(isinstance(one, dict) for one in page):
                raise TransientError("Daily: unexpected shape of the participants")
            last = next((one["participant_id"] for one in reversed(page) if _has_id(one)), None)
            if len(page) < PAGE_SIZE or last is None or last == query.get("joined_after"):
                return people + page
            # The next page begins after the last participant with an id.
            while not _has_id(page[-1]):
                page.pop()
            people += page
            query["joined_after"] = last

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _has_id(person: dict[str, Any]) -> bool:
    return isinstance(person.get("participant_id"), str) and bool(person["participant_id"])

"""Client for Zulip's message API."""

from __future__ import annotations

from http import HTTPStatus

from reference_workers.errors import TransientError
from reference_workers.services.http import (
    fetch_json,
    open_client,
    raise_for_status,
    send_request,
)
from reference_workers.settings import Settings


class Zulip:
    """Client of a bot that writes to streams."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client with the bot's e-mail and key as basic auth."""
        self._client = open_client(
            base_url=settings.zulip_url,
            auth=(settings.zulip_bot_email, settings.zulip_api_key.get_secret_value()),
            timeout=settings.outside_timeout_seconds,
        )

    def post(self, stream: str, topic: str, content: str) -> str:
        """Post a message and return its id."""
        form = {"type": "stream", "to": stream, "topic": topic, "content": content}
        reply = fetch_json(self._client, "POST", "/api/v1/messages", data=form)
        if "id" not in reply:
            raise TransientError("Zulip: the response to a posted message has no id")
        return str(reply["id"])

    def update(self, message_id: str, topic: str, content: str) -> bool:
        """Update a message; return False if it no longer exists."""
        form = {"topic": topic, "content": content}
        path = f"/api/v1/messages/{message_id}"
        response = send_request(self._client, "PATCH", path, data=form)
        if response.status_code == HTTPStatus.BAD_REQUEST and "Invalid message" in response.text:
            return False
        raise_for_status(response)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

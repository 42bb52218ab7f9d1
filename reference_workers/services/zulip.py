"""Client for Zulip's message API."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import httpx

from reference_workers.errors import TransientError
from reference_workers.services.http import (
    fetch_json,
    open_client,
    raise_for_status,
    send_request,
)
from reference_workers.settings import Settings

MAX_CONTENT = 10_000
"""Length limit of a message in characters; Zulip cuts off what is longer."""

MAX_TOPIC = 60

SEARCHED_MESSAGES = 100
"""Newest messages of the bot in a stream among which an earlier one is searched."""

ELLIPSIS = "…"


def cut_topic(topic: str) -> str:
    """Return a topic within Zulip's limit."""
    return topic if len(topic) <= MAX_TOPIC else topic[: MAX_TOPIC - 1] + ELLIPSIS


class Zulip:
    """Client of a bot that writes to streams."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client with the bot's e-mail and key as basic auth."""
        self._email = settings.zulip_bot_email
        self._client = open_client(
            base_url=settings.zulip_url,
            auth=(settings.zulip_bot_email, settings.zulip_api_key.get_secret_value()),
            timeout=settings.outside_timeout_seconds,
        )

    def post(self, stream: str, topic: str, content: str) -> str:
        """Post a message and return its id."""
        form = {"type": "stream", "to": stream, "topic": cut_topic(topic), "content": content}
        reply = fetch_json(self._client, "POST", "/api/v1/messages", data=form)
        if "id" not in reply:
            raise TransientError("Zulip: the response to a posted message has no id")
        return str(reply["id"])

    def find(self, stream: str, ending: str) -> str | None:
        """Return the id of the bot's newest message in a stream that ends so; None without one.

        The topic is not searched: people may have renamed or resolved it meanwhile.
        """
        narrow = [
            {"operator": "stream", "operand": stream},
            {"operator": "sender", "operand": self._email},
        ]
        query: dict[str, str | int] = {
            "anchor": "newest",
            "num_before": SEARCHED_MESSAGES,
            "num_after": 0,
            "apply_markdown": "false",
            "narrow": json.dumps(narrow),
        }
        reply = fetch_json(self._client, "GET", "/api/v1/messages", params=query)
        messages = reply.get("messages")
        if not isinstance(messages, list):
            raise TransientError("Zulip: the response to a search has no messages")
        own = [
            str(message["id"])
            for message in messages
            if isinstance(message, dict) and str(message.get("content")).rstrip().endswith(ending)
        ]
        return own[-1] if own else None

    def update(self, message_id: str, content: str) -> bool:
        """Update a message's content; return False if it no longer exists.

        A message that may no longer be edited stays as it is. The topic is not sent: people may
        have renamed or resolved it.
        """
        path = f"/api/v1/messages/{message_id}"
        response = send_request(self._client, "PATCH", path, data={"content": content})
        if _is_bad_request(response):
            # Zulip's text is in the bot's language, and its code is the same for all reasons.
            shown = send_request(self._client, "GET", path)
            if _is_bad_request(shown):
                return False
            response = shown
        raise_for_status(response)
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _is_bad_request(response: httpx.Response) -> bool:
    if response.status_code != HTTPStatus.BAD_REQUEST:
        return False
    try:
        data: Any = json.loads(response.content)
    except ValueError:
        return False
    return isinstance(data, dict) and data.get("code") == "BAD_REQUEST"

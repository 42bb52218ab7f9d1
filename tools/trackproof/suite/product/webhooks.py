"""Answers of the trigger to Daily's webhooks."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx

OTHER_SECRET: Final = base64.b64encode(b"key of somebody else").decode()

ANSWER_SECONDS: Final = 60.0
"""Limit for one answer: the trigger may wait for Conductor."""

CONNECTION_CLOSED: Final = -1
"""Stands for the status where the connection was closed."""
NO_ANSWER: Final = 0
"""Stands for the status where no answer came in time, or no connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The trigger's answer to a webhook."""

    status: int
    text: str

    @property
    def accepted(self) -> bool:
        """Whether it is a 2xx."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def refused(self) -> bool:
        """Whether it is a 4xx."""
        return HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_closed(self) -> bool:
        """Whether the connection was closed without an answer."""
        return self.status == CONNECTION_CLOSED

    @property
    def is_failure(self) -> bool:
        """Whether there is no answer, or a 5xx."""
        return self.status <= NO_ANSWER or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    def __str__(self) -> str:
        """Return the answer in one line."""
        if self.status <= NO_ANSWER:
            return f"no answer: {self.text}"
        return f"{self.status} {self.text[:200]}".strip()


def send(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a webhook and return the answer."""
    sent = {"Content-Type": "application/json", **headers}
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS) as client:
            answer = client.post(url, content=body, headers=sent)
    except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError) as error:
        return Answer(CONNECTION_CLOSED, f"{type(error).__name__}: {error}")
    except httpx.TransportError as error:
        return Answer(NO_ANSWER, f"{type(error).__name__}: {error}")
    return Answer(answer.status_code, answer.text)

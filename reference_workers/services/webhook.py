"""The room's webhook: signed over the exact bytes that are sent."""

from __future__ import annotations

import hashlib
import hmac

import httpx

from reference_workers import tls
from reference_workers.services.http import send_request
from reference_workers.settings import Settings


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the X-Webhook-Signature header: HMAC-SHA256 over `<timestamp>.<body>`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


class Webhook:
    """Posts JSON to whatever URL a room names."""

    def __init__(self, settings: Settings) -> None:
        """Open a client that follows no redirects: a signed body goes nowhere else."""
        self._client = httpx.Client(timeout=settings.outside_timeout_seconds, verify=tls.context())

    def send(
        self, url: str, body: bytes, *, event: str, retry: int, timestamp: int, secret: str | None
    ) -> int:
        """Post `body` and return the status code of the answer.

        Args:
            url: The room's webhook URL.
            body: The JSON exactly as it goes out.
            event: Name of the event, for the receiver's dispatch.
            retry: How many times this was tried before.
            timestamp: Seconds since the epoch, part of what is signed.
            secret: The room's secret; without one nothing is signed.

        Raises:
            TransientError: The receiver did not answer.
        """
        headers = {
            "Content-Type": "application/json",
            "X-Webhook-Event": event,
            "X-Webhook-Retry": str(retry),
        }
        if secret:
            headers["X-Webhook-Signature"] = signature(secret, timestamp, body)
        return send_request(
            self._client,
            "POST",
            url,
            show_path=False,  # the path of such a URL is often the key to it
            content=body,
            headers=headers,
        ).status_code

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

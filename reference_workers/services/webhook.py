"""Client for the rooms' webhooks; the signature covers the exact bytes sent."""

from __future__ import annotations

import hashlib
import hmac

import httpx

from reference_workers.errors import PermanentError
from reference_workers.services.address_policy import (
    AddressPolicy,
    ForbiddenAddressError,
    PolicyBackend,
)
from reference_workers.services.http import open_client, send_request
from reference_workers.settings import Settings


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the X-Webhook-Signature header: HMAC-SHA256 over `<timestamp>.<body>`."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"t={timestamp},v1={digest.hexdigest()}"


class Webhook:
    """Posts signed JSON to a room's webhook URL."""

    def __init__(self, settings: Settings) -> None:
        """Open an HTTP client that follows no redirects: a signed body has one receiver."""
        self._policy = AddressPolicy(
            settings.webhook_allowed_hosts, settings.webhook_allowed_networks
        )
        self._client = open_client(
            timeout=settings.outside_timeout_seconds, backend=PolicyBackend(self._policy)
        )

    def send(
        self, url: str, body: bytes, *, event: str, retry: int, timestamp: int, secret: str | None
    ) -> httpx.Response:
        """Post `body` and return the response without its body.

        Args:
            url: The room's webhook URL.
            body: The JSON, byte for byte as sent.
            event: Name of the event, for the X-Webhook-Event header.
            retry: Number of earlier attempts.
            timestamp: Epoch seconds; part of the signed text.
            secret: The room's secret; None sends no signature.

        Raises:
            TransientError: No answer.
            PermanentError: The URL is invalid, or the address policy refuses it.
        """
        try:
            self._policy.check_url(url)
            return self._post(url, body, event, retry, timestamp, secret)
        except ForbiddenAddressError as error:
            raise PermanentError(f"webhook: {error}") from error

    def _post(
        self, url: str, body: bytes, event: str, retry: int, timestamp: int, secret: str | None
    ) -> httpx.Response:
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
            show_path=False,  # a webhook URL's path is often a secret
            max_bytes=0,  # the status says all
            content=body,
            headers=headers,
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

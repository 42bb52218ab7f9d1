"""Receiver of webhooks: accepts every delivery and verifies signatures."""

from __future__ import annotations

import hashlib
import hmac
import re

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trackproof.testbed.stand_ins import ledger


class SignatureError(ValueError):
    """The signature of a delivery is invalid."""


def sign(secret: str, body: bytes, timestamp: int) -> str:
    """Return the `X-Webhook-Signature` header of `body` sent at `timestamp` (epoch seconds)."""
    return f"t={timestamp},v1={_digest(secret, body, str(timestamp))}"


def verify_signature(
    secret: str, header: str, body: bytes, now: float, tolerance: float = 300.0
) -> int:
    """Verify the signature of one delivery and return its timestamp, in epoch seconds.

    Args:
        secret: Shared by sender and receiver.
        header: `X-Webhook-Signature`: `t=<epoch>,v1=<hex HMAC-SHA256 of "<t>.<body>">`.
        body: The raw bytes of the request.
        now: Epoch seconds.
        tolerance: Seconds the timestamp may differ from `now`, either way.

    Raises:
        SignatureError: The header is malformed, too old or too new, or does not match the body.
    """
    match = re.fullmatch(r"t=([0-9]{1,15}),v1=([0-9a-f]{64})", header)
    if match is None:
        raise SignatureError(f"not of the form t=<epoch>,v1=<64 hex digits>: {header!r}")
    timestamp, digest = match.groups()
    if not hmac.compare_digest(digest, _digest(secret, body, timestamp)):
        raise SignatureError("the HMAC does not match the body and the secret")
    if abs(now - int(timestamp)) > tolerance:
        raise SignatureError(f"t is {now - int(timestamp):g} s off, {tolerance:g} s are allowed")
    return int(timestamp)


def _digest(secret: str, body: bytes, timestamp: str) -> str:
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


class WebhookReceiver:
    """An ASGI app that answers 200 to every POST, whatever its path."""

    def __init__(self, secret: str, requests: ledger.Ledger) -> None:
        """Verify signatures with `secret`; deliveries are read from the ledger."""
        self._secret = secret
        self._ledger = requests
        self._app = Starlette(routes=[Route("/{anything:path}", self._receive, methods=["POST"])])

    def deliveries(self, event: str | None = None) -> list[ledger.Request]:
        """Return the deliveries, failed ones included, oldest first.

        Args:
            event: Value of `X-Webhook-Event`; None for all.
        """
        return [
            request
            for request in self._ledger.requests("webhook", method="POST")
            if event is None or request.header("x-webhook-event") == event
        ]

    def verify(self, delivery: ledger.Request, tolerance: float = 300.0) -> int:
        """Verify a delivery's signature against its time of arrival.

        Raises:
            SignatureError: The signature is invalid.
        """
        return verify_signature(
            self._secret,
            delivery.header("x-webhook-signature"),
            delivery.body,
            delivery.received_at,
            tolerance,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._app(scope, receive, send)

    async def _receive(self, request: Request) -> JSONResponse:
        return JSONResponse({})

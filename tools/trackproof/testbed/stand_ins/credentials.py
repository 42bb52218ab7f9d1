"""Credentials that the stand-ins accept."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hmac import compare_digest

from starlette.requests import Request


@dataclass(frozen=True)
class Credentials:
    """Credentials a fleet must present; fictitious, valid for a testbed only."""

    daily_key: str = "daily-stand-in-key"
    daily_webhook_secret: str = base64.b64encode(b"daily-webhook-stand-in-key").decode()
    """Base64 key with which Daily signs its webhooks."""
    modal_key: str = "modal-stand-in-key"
    llm_key: str = "llm-stand-in-key"
    zulip_email: str = "notetaker-bot@zulip.test"
    zulip_key: str = "zulip-stand-in-key"
    webhook_secret: str = "webhook-stand-in-secret"  # noqa: S105 - fictitious


def has_bearer(request: Request, key: str) -> bool:
    """Return whether the request carries `key` as its bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(token.strip().encode(), key.encode())


def has_basic_auth(request: Request, user: str, password: str) -> bool:
    """Return whether the request carries `user` and `password` as basic auth."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(token, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and compare_digest(given, f"{user}:{password}".encode())

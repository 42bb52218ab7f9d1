"""The credentials the stand-ins accept, and how each service checks them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hmac import compare_digest

from starlette.requests import Request


@dataclass(frozen=True)
class Credentials:
    """What a fleet must present; made up, and worth nothing outside of a testbed."""

    daily_key: str = "daily-stand-in-key"
    modal_key: str = "modal-stand-in-key"
    llm_key: str = "llm-stand-in-key"
    zulip_email: str = "notetaker-bot@zulip.test"
    zulip_key: str = "zulip-stand-in-key"
    webhook_secret: str = "webhook-stand-in-secret"  # noqa: S105 - made up, for the testbed only


def bears(request: Request, key: str) -> bool:
    """Tell whether the request carries `key` as its bearer token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and compare_digest(token.strip().encode(), key.encode())


def signs_in(request: Request, user: str, password: str) -> bool:
    """Tell whether the request carries `user` and `password` as basic auth."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(token, validate=True)
    except binascii.Error:
        return False
    return scheme.lower() == "basic" and compare_digest(given, f"{user}:{password}".encode())

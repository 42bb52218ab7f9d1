"""Access control: bearer tokens if the deployment sets API_TOKENS, otherwise loopback only.

Tokens are never accepted in a URL, since URLs end up in logs.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr
from starlette.requests import HTTPConnection

LOCAL_NAMES = frozenset({"localhost", "localhost.localdomain"})


class Tokens:
    """The deployment's tokens, stored as hashes."""

    def __init__(self, tokens: Iterable[SecretStr]) -> None:
        """Hash the tokens."""
        self._digests = [_digest(token.get_secret_value()) for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def accept(self, token: str | None) -> bool:
        """Return whether a token is valid, in constant time."""
        digest = _digest(token or "")
        # A list, so that all are compared.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the bearer token of the Authorization header, if any."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_local(host: str) -> bool:
    """Return whether a host name or address is loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOCAL_NAMES


def is_local_request(connection: HTTPConnection) -> bool:
    """Return whether a request comes from loopback and addresses loopback.

    Checking the Host header prevents DNS rebinding: a foreign page can resolve its own name to
    127.0.0.1 and reach the API from a local browser.
    """
    client = connection.client
    try:
        host = connection.url.hostname
    except ValueError:  # invalid Host header
        return False
    return client is not None and is_local(client.host) and is_local(host or "")


def require_local_caller(request: Request) -> None:
    """Require a caller on this machine.

    Raises:
        HTTPException: 403.
    """
    if not is_local_request(request):
        raise HTTPException(
            403, "without tokens only callers on the same machine are served; set API_TOKENS"
        )


_bearer = HTTPBearer(auto_error=False, description="One of the deployment's API_TOKENS.")


def require_token(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> None:
    """Require a valid token.

    Raises:
        HTTPException: 401.
    """
    tokens: Tokens = request.app.state.resources.tokens
    if credentials is None or not tokens.accept(credentials.credentials):
        raise HTTPException(
            401,
            "missing or invalid token in the header Authorization: Bearer",
            {"WWW-Authenticate": "Bearer"},
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()

"""Who may ask: holders of a token where a deployment sets tokens, else this machine only.

A token is never taken from a URL, since URLs are written into logs.
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
    """The tokens of a deployment, kept as hashes of equal length."""

    def __init__(self, tokens: Iterable[SecretStr]) -> None:
        """Accept these."""
        self._digests = [_digest(token.get_secret_value()) for token in tokens]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def accept(self, token: str | None) -> bool:
        """Tell whether it is one of ours, in a time that says nothing about them."""
        digest = _digest(token or "")
        # Each is compared, whatever the first comparisons said.
        same = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(same)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of an Authorization header, if there is one."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_local(host: str) -> bool:
    """Tell whether a name or an address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in LOCAL_NAMES


def is_local_request(connection: HTTPConnection) -> bool:
    """Tell whether a caller is on this machine and knows it.

    A page of anybody's can have its own name lead to 127.0.0.1, and so reach us from the
    browser of somebody on this machine; then the Host header has that name.
    """
    client = connection.client
    try:
        host = connection.url.hostname
    except ValueError:  # no host, and no address either
        return False
    return client is not None and is_local(client.host) and is_local(host or "")


def require_local_caller(request: Request) -> None:
    """Let in who is on this machine.

    Raises:
        HTTPException: 403 for all others.
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
    """Let in who has a token.

    Raises:
        HTTPException: 401 for all others.
    """
    tokens: Tokens = request.app.state.resources.tokens
    if credentials is None or not tokens.accept(credentials.credentials):
        raise HTTPException(
            401,
            "a token is needed in the header Authorization: Bearer",
            {"WWW-Authenticate": "Bearer"},
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()

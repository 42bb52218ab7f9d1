"""Refuse requests from other origins and by other host names; forbid scripts that are not ours.

The page can start processes. A web page that the tester visits must not reach it: neither by a
form or a WebSocket of its own (Origin), nor by a name that it points at this machine (Host).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "media-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    # With `no-referrer` a form would send the Origin `null`.
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
MAX_BODY: Final = 200_000
"""Bytes of a form."""


class Guard:
    """Middleware in front of every request and WebSocket."""

    def __init__(self, app: ASGIApp) -> None:
        """Guard `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        problem = refusal(Headers(scope=scope), str(scope.get("method", "GET")), scope["type"])
        if not problem:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": problem})
        else:
            await PlainTextResponse(f"{problem}\n", 403)(scope, receive, _with_headers(send))


def refusal(headers: Headers, method: str, kind: str) -> str:
    """Return why a request is refused; empty if it is not."""
    host = headers.get("host", "")
    if _name_of(host) not in LOOPBACK:
        return f"the host name {host!r} is not this machine's loopback"
    origin = headers.get("origin")
    must_have = kind == "websocket" or method not in SAFE_METHODS
    if origin is None:
        site = headers.get("sec-fetch-site", "none")
        if must_have:
            return "a request that changes something needs an Origin"
        return "" if site in {"none", "same-origin"} else "the request is from another site"
    if urlsplit(origin).netloc != host or urlsplit(origin).scheme not in {"http", "https"}:
        return f"the origin {origin!r} is not this page"
    return ""


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers

"""Requests to Conductor that return or fail within a deadline.

One deadline covers the whole request: DNS lookup, connecting, waiting, and reading a response
that arrives byte by byte. Connections are reused.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from reference_workers import tls

TIMEOUT_SECONDS = 1.5
"""Deadline of one request; leaves the API a share of its own limit of 2 s."""
RESPONSE_MAX_BYTES = 4_000_000
DNS_CACHE_SECONDS = 30.0
"""How long a successful DNS lookup is not repeated."""

Json = Any


class ConductorStatusError(Exception):
    """Conductor gave no valid answer; the message says why and is safe to show to callers."""


@dataclass(frozen=True, slots=True)
class ConductorReply:
    """Status and JSON body of a response."""

    status: int
    body: dict[str, Json]


class Conductor:
    """Client of one server; opened and closed on one event loop."""

    def __init__(self, server_api_url: str, *, seconds: float = TIMEOUT_SECONDS) -> None:
        """Create the client without connecting.

        Args:
            server_api_url: Ends in `/api`; `/health` is next to it.
            seconds: Deadline of one request.
        """
        self._api = httpx.URL(server_api_url.rstrip("/"))
        self._root = httpx.URL(str(self._api).removesuffix("/api"))
        self._seconds = seconds
        # Conductor is in the same network: no proxy.
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the deadline covers the whole request
            trust_env=False,
            verify=tls.context(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._dns_executor = ThreadPoolExecutor(1, thread_name_prefix="dns")
        self._lookup: asyncio.Future[Json] | None = None
        self._resolved_at = float("-inf")

    async def health(self) -> ConductorReply:
        """Return the response of the health check.

        Raises:
            ConductorStatusError: No answer in time, or not a JSON object.
        """
        return await self._get_in_time(f"{self._root}/health")

    async def configuration(self) -> ConductorReply:
        """Return the server's configuration, which contains its version.

        Raises:
            ConductorStatusError: As `health`.
        """
        return await self._get_in_time(f"{self._api}/admin/config")

    async def workflow(self, workflow_id: str) -> ConductorReply:
        """Return a workflow without its tasks.

        Raises:
            ConductorStatusError: As `health`.
        """
        name = quote(workflow_id, safe="")
        return await self._get_in_time(f"{self._api}/workflow/{name}?includeTasks=false")

    async def aclose(self) -> None:
        """Close the connections without waiting for a pending DNS lookup."""
        self._dns_executor.shutdown(wait=False, cancel_futures=True)
        await self._http.aclose()

    async def _get_in_time(self, url: str) -> ConductorReply:
        phase = f"no DNS answer for {self._root.host!r}"
        try:
            async with asyncio.timeout(self._seconds):
                await self._resolve()
                phase = "no answer"
                try:
                    return await self._get(url)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # The server may have closed an idle connection: retry once on a new one.
                    return await self._get(url)
        except TimeoutError:
            self._resolved_at = float("-inf")
            raise ConductorStatusError(
                f"{self._address}: {phase} within {self._seconds:g} s"
            ) from None
        except (httpx.TransportError, httpx.InvalidURL, OSError, ValueError) as error:
            self._resolved_at = float("-inf")
            raise ConductorStatusError(f"{self._address}: {_cause(error)}") from error

    async def _resolve(self) -> None:
        """Resolve the host name on a dedicated thread; concurrent callers share one lookup.

        A hanging resolver cannot be cancelled; without sharing, each request would leak a thread.
        """
        if time.monotonic() - self._resolved_at < DNS_CACHE_SECONDS:
            return
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.get_running_loop().run_in_executor(
                self._dns_executor, socket.getaddrinfo, self._root.host, None
            )
            # Retrieve the exception: all waiters may have timed out.
            self._lookup.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._lookup)
        self._resolved_at = time.monotonic()

    async def _get(self, url: str) -> ConductorReply:
        async with self._http.stream("GET", url) as response:
            content = b""
            async for chunk in response.aiter_raw():
                content += chunk
                if len(content) > RESPONSE_MAX_BYTES:
                    raise ValueError(f"answered with more than {RESPONSE_MAX_BYTES:,} bytes")
        status = response.status_code
        if response.is_redirect:
            raise ValueError(f"answered {status}, a redirect; {_HINT}")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "")[:60] or "no media type"
            raise ValueError(f"answered {status} with {kind} instead of JSON; {_HINT}") from None
        if not isinstance(body, dict):
            raise ValueError(f"answered {status} with JSON that is not an object; {_HINT}")
        return ConductorReply(status, body)

    @property
    def _address(self) -> str:
        port = f":{self._root.port}" if self._root.port else ""
        return f"Conductor at {self._root.host}{port}"


_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})
_HINT = "is CONDUCTOR_SERVER_URL right?"


def _cause(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        if error.errno in _NO_SUCH_NAME:
            return "unknown host name"
        return f"DNS lookup failed ({error.strerror})"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return f"invalid URL; {_HINT}"
    if isinstance(error, httpx.ConnectError):
        return "TLS verification failed" if _is_tls(error) else "connection refused"
    if isinstance(error, httpx.TransportError):
        return f"connection lost ({type(error).__name__})"
    return str(error)


def _is_tls(error: BaseException | None) -> bool:
    """Return whether an error was caused by TLS."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False

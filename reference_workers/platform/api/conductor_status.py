"""Ask Conductor, and have an answer or a cause in time, whatever it does.

One deadline holds for the whole of a question: looking the name up, connecting, waiting, and
reading an answer that comes drop by drop. Connections are kept for the next question.
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
"""For one question; with our own share, a caller has an answer within 2 s."""
RESPONSE_MAX_BYTES = 4_000_000
DNS_CACHE_SECONDS = 30.0
"""For so long a name that was found is not looked up again."""

Json = Any


class ConductorStatusError(Exception):
    """Conductor gave no answer that makes sense; the text says why and is fit for callers."""


@dataclass(frozen=True, slots=True)
class ConductorReply:
    """What Conductor said."""

    status: int
    body: dict[str, Json]


class Conductor:
    """A pool of connections to one server; open and close it on one event loop."""

    def __init__(self, server_api_url: str, *, seconds: float = TIMEOUT_SECONDS) -> None:
        """Prepare; nothing is sent yet.

        Args:
            server_api_url: Ends in `/api`; the health check lies beside that.
            seconds: The deadline of one question.
        """
        self._api = httpx.URL(server_api_url.rstrip("/"))
        self._root = httpx.URL(str(self._api).removesuffix("/api"))
        self._seconds = seconds
        # Conductor is a neighbour: it is asked directly, past any proxy.
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the deadline below holds for all of it
            trust_env=False,
            verify=tls.context(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
        self._dns_executor = ThreadPoolExecutor(1, thread_name_prefix="look-up")
        self._lookup: asyncio.Future[Json] | None = None
        self._resolved_at = float("-inf")

    async def health(self) -> ConductorReply:
        """Return what the server's health check says.

        Raises:
            ConductorStatusError: It says nothing, or something else.
        """
        return await self._get_in_time(f"{self._root}/health")

    async def configuration(self) -> ConductorReply:
        """Return how the server is set up.

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
        """Close the connections; nobody waits for a name that is still looked up."""
        self._dns_executor.shutdown(wait=False, cancel_futures=True)
        await self._http.aclose()

    async def _get_in_time(self, url: str) -> ConductorReply:
        phase = f"the name {self._root.host!r} was not found"
        try:
            async with asyncio.timeout(self._seconds):
                await self._resolve()
                phase = "no answer"
                try:
                    return await self._get(url)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                    # It may have closed a connection that we kept: once more, on a new one.
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
        """See that the name can be looked up, on a thread of our own.

        A resolver that hangs cannot be stopped, and otherwise each question would leave another
        hanging thread behind. At most one look-up is on its way; all wait for that.
        """
        if time.monotonic() - self._resolved_at < DNS_CACHE_SECONDS:
            return
        if self._lookup is None or self._lookup.done():
            self._lookup = asyncio.get_running_loop().run_in_executor(
                self._dns_executor, socket.getaddrinfo, self._root.host, None
            )
            # It may fail when everybody has given it up.
            self._lookup.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._lookup)
        self._resolved_at = time.monotonic()

    async def _get(self, url: str) -> ConductorReply:
        async with self._http.stream("GET", url) as response:
            content = b""
            async for piece in response.aiter_raw():
                content += piece
                if len(content) > RESPONSE_MAX_BYTES:
                    raise ValueError(f"an answer of more than {RESPONSE_MAX_BYTES:,} bytes")
        status = response.status_code
        if response.is_redirect:
            raise ValueError(f"answered {status}, a redirection; {_HINT}")
        try:
            body = json.loads(content)
        except (ValueError, RecursionError):
            kind = response.headers.get("content-type", "")[:60] or "no media type"
            raise ValueError(f"answered {status} with {kind}, not with JSON; {_HINT}") from None
        if not isinstance(body, dict):
            raise ValueError(f"answered {status} with JSON that is no object; {_HINT}")
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
            return "there is no such name"
        return f"the name cannot be looked up now ({error.strerror})"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return f"no usable URL; {_HINT}"
    if isinstance(error, httpx.ConnectError):
        return "no TLS that can be trusted" if _is_tls(error) else "the connection is refused"
    if isinstance(error, httpx.TransportError):
        return f"the connection broke ({type(error).__name__})"
    return str(error)


def _is_tls(error: BaseException | None) -> bool:
    """Tell whether TLS is at the bottom of an error."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False

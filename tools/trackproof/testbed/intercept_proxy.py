"""An HTTPS proxy that routes listed hosts to the testbed and refuses all others.

For fleets with hard-coded hosts. HTTPS_PROXY points them to the proxy and SSL_CERT_FILE to its
throw-away CA; the proxy decrypts a request to a listed host and forwards it to the stand-in.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import trustme
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from trackproof.testbed.loop_server import LoopServer
from trackproof.testbed.stand_ins.middleware import HANG_UP
from trackproof.testbed.stand_ins.server import serve_app

FORWARD_SECONDS: Final = 120.0
"""Long, because a fault may delay the answer: the fleet's own time limit is under test."""
CONNECT_BYTES: Final = 65536
"""Limit for a CONNECT request with its headers."""

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "host"}
    | {"proxy-connection", "content-length"}
)
CA_VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
)
"""Variables from which HTTP clients of many languages read their trusted CAs."""


@dataclass(frozen=True, slots=True)
class InterceptProxy:
    """A running proxy."""

    url: str
    ca_file: Path
    refused: list[str] = field(default_factory=list)
    """Requested hosts that are not listed, oldest first."""

    def environment(self) -> dict[str, str]:
        """Return the environment variables that route a process through the proxy."""
        variables = dict.fromkeys(CA_VARIABLES, str(self.ca_file))
        for name, value in (("HTTPS_PROXY", self.url), ("NO_PROXY", "localhost,127.0.0.1,::1")):
            variables |= {name: value, name.lower(): value}
        return variables


@contextmanager
def start_intercept_proxy(hosts: Mapping[str, str], folder: Path) -> Iterator[InterceptProxy]:
    """Run the proxy until the block ends.

    Args:
        hosts: Base URL of the stand-in, by host name with an optional path prefix:
            `api.daily.co/v1`.
        folder: Receives the CA and certificate files.

    Raises:
        TestbedError: The proxy could not start.
    """
    authority = trustme.CA(organization_name="trackproof, for one run")
    ca_file, certificate = folder / "proxy-ca.pem", folder / "proxy-certificate.pem"
    ca_file.write_bytes(authority.cert_pem.bytes() + b"\n" + _system_cas())
    certificate.touch(mode=0o600)
    names = {host.partition("/")[0].lower() for host in hosts}
    certificate.write_bytes(authority.issue_cert(*names).private_key_and_cert_chain_pem.bytes())
    with serve_app("the intercept proxy", _forwarder(hosts), certificate=certificate) as inner:
        tunnel = _Tunnel(frozenset(names), inner)
        port = tunnel.start()
        try:
            yield InterceptProxy(f"http://127.0.0.1:{port}", ca_file, tunnel.refused)
        finally:
            tunnel.stop()


def _system_cas() -> bytes:
    """Return the CAs this machine trusts, since the variables above replace them all."""
    path = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    return Path(path).read_bytes() if path and Path(path).is_file() else b""


def _forwarder(hosts: Mapping[str, str]) -> ASGIApp:
    """Return an app that forwards requests to the stand-in of their host."""

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        raw = scope["raw_path"].decode("latin-1").partition("?")[0]
        target = (request.url.hostname or "").lower() + raw
        prefix = max((host for host in hosts if _is_below(target, host)), key=len, default=None)
        if prefix is None:
            await Response("no stand-in for this host and path", 421)(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        url = hosts[prefix].rstrip("/") + target[len(prefix) :] + (f"?{query}" if query else "")
        headers = [(k, v) for k, v in request.headers.items() if k not in HOP_BY_HOP]
        body = await request.body()
        try:
            async with httpx.AsyncClient(timeout=FORWARD_SECONDS, trust_env=False) as client:
                forwarded = client.build_request(request.method, url, headers=headers, content=body)
                answer = await client.send(forwarded, stream=True)
                content = b"".join([part async for part in answer.aiter_raw()])
                await answer.aclose()
        except httpx.HTTPError:
            scope["extensions"][HANG_UP]()  # pass on the dropped connection
            return
        response = Response(content, answer.status_code)
        response.raw_headers = [
            *(
                (k.lower(), v)
                for k, v in answer.headers.raw
                if k.lower().decode() not in HOP_BY_HOP
            ),
            (b"content-length", str(len(content)).encode()),
        ]
        await response(scope, receive, send)

    return forward


def _is_below(target: str, prefix: str) -> bool:
    return target == prefix or target.startswith(f"{prefix}/")


class _Tunnel:
    """The CONNECT server: relays connections to listed hosts to the inner HTTPS server."""

    def __init__(self, hosts: frozenset[str], inner: int) -> None:
        self._hosts = hosts
        self._inner = inner
        self.refused: list[str] = []
        self._server = LoopServer(self._serve, what="the intercept proxy", limit=CONNECT_BYTES)

    def start(self) -> int:
        """Start listening and return the port."""
        self._server.start()
        return self._server.port

    def stop(self) -> None:
        """Close all connections and stop."""
        self._server.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as stack:
            stack.callback(writer.close)
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                method, _, rest = head.partition(" ")
                target = rest.partition(" ")[0]
                host = target.rpartition(":")[0].strip("[]").lower()
                if method != "CONNECT":
                    writer.write(b"HTTP/1.1 405 Only CONNECT\r\nConnection: close\r\n\r\n")
                elif host not in self._hosts:
                    self.refused.append(host)
                    writer.write(b"HTTP/1.1 403 Not Listed\r\nConnection: close\r\n\r\n")
                else:
                    await self._relay(reader, writer, stack)
                await writer.drain()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stack: AsyncExitStack
    ) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._inner)
        stack.callback(inner_writer.close)
        writer.write(b"HTTP/1.1 200 Connection Established\r\n\r\n")
        both = {
            asyncio.ensure_future(_pump(reader, inner_writer)),
            asyncio.ensure_future(_pump(inner_reader, writer)),
        }
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CONNECT_BYTES):
            writer.write(data)
            await writer.drain()

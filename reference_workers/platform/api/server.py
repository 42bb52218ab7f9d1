"""uvicorn configuration: allowed addresses, and cutting off WebSockets that are not read."""

from __future__ import annotations

import asyncio
import socket

import structlog
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request

from reference_workers.errors import StartupError
from reference_workers.platform.api.app import create_app
from reference_workers.platform.api.head_limits import BACKLOG, HEAD_MAX_BYTES, with_few_waiting
from reference_workers.platform.api.tokens import is_local
from reference_workers.platform.api.websocket_sender import CUT_OFF
from reference_workers.settings import Settings

LINGER_SECONDS = 5.0
"""Time for a subscriber that is cut off to read the close reason."""
PING_SECONDS = 20.0
MESSAGE_MAX_BYTES = 16 * 1024
"""Limit of one received message."""
STOP_SECONDS = 3
"""Time for running requests and subscribers after SIGTERM."""

log = structlog.get_logger()


class UnsafeBindError(StartupError):
    """The settings would expose meetings without tokens."""


class CutOffProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, extended to close connections whose peer does not read.

    uvicorn closes a connection only after all written data has been sent, which may be never.
    """

    def handle_connect(self, event: Request) -> None:
        """Expose `cut_off` to the app as an ASGI extension."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # the handshake succeeded
            # uvicorn types an extension's value as a dictionary.
            self.scope["extensions"][CUT_OFF] = {"call": self.cut_off}

    def keepalive_timeout(self) -> None:
        """Abort a peer that does not answer a ping."""
        super().keepalive_timeout()
        self._abort_later()

    def cut_off(self, code: int, reason: str) -> None:
        """Append the close frame to the unread data and abort after LINGER_SECONDS."""
        self.stop_keepalive()
        if not self.close_sent:
            self.conn.send_close(CloseCode(code) if code < 4000 else code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)


class Server(uvicorn.Server):
    """uvicorn's server, which logs its address with structlog."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and log the address."""
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for listener in server.sockets:
                log.info("API is listening", address=listener.getsockname()[:2])


def uvicorn_config(settings: Settings) -> uvicorn.Config:
    """Return the uvicorn configuration of the API.

    Raises:
        UnsafeBindError: The address is not loopback, and there are no tokens.
    """
    if not settings.api_tokens and not is_local(settings.api_host):
        raise UnsafeBindError(
            f"the API listens on {settings.api_host}, which is not loopback, only with tokens. "
            "Hint: set API_TOKENS, or API_HOST=127.0.0.1"
        )
    return uvicorn.Config(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        backlog=BACKLOG,
        http=with_few_waiting(),
        h11_max_incomplete_event_size=HEAD_MAX_BYTES,
        ws=CutOffProtocol,
        ws_max_size=MESSAGE_MAX_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # a compressor costs 100 KB and more a subscriber
        # uvicorn logs whole URLs and, for WebSockets, all headers, which include tokens.
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )

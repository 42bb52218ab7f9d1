"""Serve the API: where it may listen, and what becomes of connections nobody reads from."""

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
from reference_workers.platform.api.tokens import is_local
from reference_workers.platform.api.websocket_sender import CUT_OFF
from reference_workers.settings import Settings

LINGER_SECONDS = 5.0
"""For a subscriber that is cut off to read up to the reason."""
PING_SECONDS = 20.0
MESSAGE_MAX_BYTES = 16 * 1024
"""Of one message to us."""
STOP_SECONDS = 10

log = structlog.get_logger()


class UnsafeBindError(StartupError):
    """The settings would show meetings to strangers."""


class CutOffProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own, which waits for ever where a far side lives and does not read.

    A connection is closed when all that was written has been sent, and that may never be.
    """

    def handle_connect(self, event: Request) -> None:
        """Offer the app to cut the connection off."""
        super().handle_connect(event)
        if hasattr(self, "scope"):  # the handshake was in order
            # uvicorn's type has it that what an extension offers is a dictionary.
            self.scope["extensions"][CUT_OFF] = {"call": self.cut_off}

    def keepalive_timeout(self) -> None:
        """Give up a far side that answers no ping."""
        super().keepalive_timeout()
        self._abort_later()

    def cut_off(self, code: int, reason: str) -> None:
        """Say why behind what waits to be read, and give little time for that."""
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
    """uvicorn's own, which says where it listens in our log."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        for server in self.servers if self.started else ():
            for listener in server.sockets:
                log.info("the API listens", address=listener.getsockname()[:2])


def uvicorn_config(settings: Settings) -> uvicorn.Config:
    """Return how uvicorn is to serve the API.

    Raises:
        UnsafeBindError: Others could reach it, and there are no tokens.
    """
    if not settings.api_tokens and not is_local(settings.api_host):
        raise UnsafeBindError(
            f"the API does not listen on {settings.api_host}, where others reach it, without "
            "tokens. Hint: set API_TOKENS, or API_HOST=127.0.0.1"
        )
    return uvicorn.Config(
        create_app(settings),
        host=settings.api_host,
        port=settings.api_port,
        ws=CutOffProtocol,
        ws_max_size=MESSAGE_MAX_BYTES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PING_SECONDS,
        ws_per_message_deflate=False,  # a compressor for each subscriber would cost 100 KB and more
        # uvicorn logs whole URLs and, for WebSockets, whole headers: tokens would be among them.
        access_log=False,
        log_level="warning",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )

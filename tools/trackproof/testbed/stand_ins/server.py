"""Stand-ins on a real port, for fleets in other processes. Loopback, unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from trackproof.errors import TestbedError
from trackproof.testbed.stand_ins.middleware import HANG_UP, mount
from trackproof.wait import wait_until

START_SECONDS: Final = 10.0
"""How long a server may take to listen."""
STOP_SECONDS: Final = 10.0
"""How long a server may take to be gone."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServedStandIns:
    """Where served stand-ins are."""

    root_url: str
    urls: Mapping[str, str]
    """Base URL by service name, without a slash at the end."""

    @property
    def admin_url(self) -> str:
        """The base of the admin calls."""
        return f"{self.root_url}/_admin"


class _HangUpProtocol(H11Protocol):
    """uvicorn's own HTTP/1.1, plus a way for an app to close the connection unanswered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log
        self.access_log = False
        app = self.app

        async def with_hang_up(scope: Any, receive: Any, send: Any) -> None:
            offered = {HANG_UP: self.transport.abort}
            try:
                await app({**scope, "extensions": offered}, receive, send)
            except asyncio.CancelledError:  # the server stops, and nobody waits for this answer
                self.cycle.disconnected = True
                self.transport.abort()

        self.app = with_hang_up


@contextmanager
def serve(
    services: Mapping[str, ASGIApp],
    admin: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[ServedStandIns]:
    """Serve each service below its name, and the admin calls below `_admin`, until the end.

    Args:
        services: Apps by name.
        admin: App of the admin calls.
        host: Address to listen on; a container reaches the host on another one than loopback.
        port: Port to listen on; 0 is any free one.

    Raises:
        TestbedError: The address could not be listened on.
        DeadlineError: The server did not start in time.
    """
    apps = {f"/{name}": mount(f"/{name}", app) for name, app in services.items()}
    apps["/_admin"] = mount("/_admin", admin)
    with serve_app("the stand-ins", _dispatching(apps), host=host, port=port) as taken:
        root = f"http://{host}:{taken}"
        yield ServedStandIns(root, {name: f"{root}/{name}" for name in services})


@contextmanager
def serve_app(
    what: str,
    app: ASGIApp,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    certificate: Path | None = None,
) -> Iterator[int]:
    """Serve an app until the block ends; yield its port.

    Args:
        what: How errors call it.
        app: May hang up: its scope's extensions offer it as `HANG_UP`.
        host: Address to listen on.
        port: Port to listen on; 0 is any free one.
        certificate: A PEM file with key and chain, for HTTPS.

    Raises:
        TestbedError: The address could not be listened on.
        DeadlineError: The server did not start in time.
    """
    with _listening_socket(what, host, port) as listener:
        taken: int = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_HangUpProtocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                timeout_graceful_shutdown=1,
                ssl_certfile=certificate,
            )
        )
        thread = threading.Thread(
            target=server.run,
            args=([listener],),
            name=f"{what.removeprefix('the ')}:{taken}",
            daemon=True,
        )
        thread.start()
        try:
            wait_until(
                lambda: server.started or not thread.is_alive(),
                what=f"{what} to listen on {host}:{taken}",
                timeout=START_SECONDS,
                interval=0.005,
            )
            if not server.started:
                raise TestbedError(f"{what} did not start on {host}:{taken}")
            yield taken
        finally:
            server.should_exit = True
            server.force_exit = True  # nobody waits for connections a dead fleet left open
            thread.join(STOP_SECONDS)


def _listening_socket(what: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if port:  # one that was just let go is free
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise TestbedError(
            f"{what} cannot listen on {host}" + (f":{port}" if port else ""),
            evidence=str(error),
            hint="use an address of this machine" + (" and a free port" if port else ""),
        ) from error
    return listener


def _dispatching(apps: Mapping[str, ASGIApp]) -> ASGIApp:
    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        first = "/" + scope["path"].split("/", 2)[1]
        app = apps.get(first, _no_such_service)
        await app(scope, receive, send)

    return dispatch


async def _no_such_service(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"error": "no stand-in at this path"}, 404)(scope, receive, send)
